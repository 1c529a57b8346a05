CREATE OR REPLACE FUNCTION segment.create_program(
    name name,
    unit text DEFAULT 'points',
    expires text DEFAULT 'never',
    pending text DEFAULT 'none',
    rounding text DEFAULT 'down',
    returns text DEFAULT 'debt',
    bonus bigint DEFAULT 0,
    description text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_create_program';
COMMENT ON FUNCTION segment.create_program(name, text, text, text, text, text, bigint, text, name) IS
    'creates a loyalty program, by which customers collect points and spend them; its members and entries are sources of the population, and its balance is a trait, such as club_balance; unit: what is collected; expires: until when it is good, such as ''after 12 months'', ''after 12 months to the end of quarter'', ''after 12 months without activity'', ''end of next year'' or ''never''; pending: how long it takes to become active; rounding: down, nearest or up; returns: what becomes of points that are taken back after they were spent: debt, forgive or pending only; bonus: points for who joins for the first time';

CREATE OR REPLACE FUNCTION segment.alter_program(
    name name,
    unit text DEFAULT NULL,
    expires text DEFAULT NULL,
    pending text DEFAULT NULL,
    rounding text DEFAULT NULL,
    returns text DEFAULT NULL,
    bonus bigint DEFAULT NULL,
    description text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_alter_program';
COMMENT ON FUNCTION segment.alter_program(name, text, text, text, text, text, bigint, text, name) IS
    'changes a loyalty program; what is not given stays, and so does what was granted; an empty description is none';

CREATE OR REPLACE FUNCTION segment.drop_program(
    name name,
    cascade boolean DEFAULT false,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_drop_program';
COMMENT ON FUNCTION segment.drop_program(name, boolean, name) IS
    'drops a loyalty program with its ledger and its traits; refused while other traits or audiences use these, unless cascade also drops them';
