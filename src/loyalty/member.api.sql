CREATE OR REPLACE FUNCTION segment.join_program(
    program name,
    key bigint,
    code text DEFAULT NULL,
    population name DEFAULT NULL,
    referred_by text DEFAULT NULL)
RETURNS text
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_join_program';
COMMENT ON FUNCTION segment.join_program(name, bigint, text, name, text) IS
    'makes a customer a member of a loyalty program, if need be, and returns the member''s code for the till; code: the code, if none is to be made; referred_by: the code of the member who has brought the customer along';

CREATE OR REPLACE FUNCTION segment.join_program(
    program name,
    key uuid,
    code text DEFAULT NULL,
    population name DEFAULT NULL,
    referred_by text DEFAULT NULL)
RETURNS text
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_join_program';
COMMENT ON FUNCTION segment.join_program(name, uuid, text, name, text) IS
    'makes a customer a member of a loyalty program, if need be, and returns the member''s code for the till; code: the code, if none is to be made; referred_by: the code of the member who has brought the customer along';

CREATE OR REPLACE FUNCTION segment.join_program(
    program name,
    key text,
    code text DEFAULT NULL,
    population name DEFAULT NULL,
    referred_by text DEFAULT NULL)
RETURNS text
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_join_program';
COMMENT ON FUNCTION segment.join_program(name, text, text, name, text) IS
    'makes a customer a member of a loyalty program, if need be, and returns the member''s code for the till; code: the code, if none is to be made; referred_by: the code of the member who has brought the customer along; the text is converted to the population''s key type';

CREATE OR REPLACE FUNCTION segment.leave_program(
    program name,
    key bigint,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_leave_program';
COMMENT ON FUNCTION segment.leave_program(name, bigint, name) IS
    'ends a customer''s membership: nothing is earned any more, and what there is can be spent until it expires';

CREATE OR REPLACE FUNCTION segment.leave_program(
    program name,
    key uuid,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_leave_program';
COMMENT ON FUNCTION segment.leave_program(name, uuid, name) IS
    'ends a customer''s membership: nothing is earned any more, and what there is can be spent until it expires';

CREATE OR REPLACE FUNCTION segment.leave_program(
    program name,
    key text,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_leave_program';
COMMENT ON FUNCTION segment.leave_program(name, text, name) IS
    'ends a customer''s membership: nothing is earned any more, and what there is can be spent until it expires; the text is converted to the population''s key type';

CREATE OR REPLACE FUNCTION segment.member_key(
    program name,
    code text,
    population name DEFAULT NULL)
RETURNS text
LANGUAGE C STABLE COST 100
AS 'MODULE_PATHNAME', 'segment_member_key';
COMMENT ON FUNCTION segment.member_key(name, text, name) IS
    'the key of the member with that code, as text; NULL if no member has it';
