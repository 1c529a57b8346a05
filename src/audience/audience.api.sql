CREATE OR REPLACE FUNCTION segment.create_audience(
    name name,
    filter segment.filter,
    population name DEFAULT NULL,
    view boolean DEFAULT true,
    description text DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_create_audience';
COMMENT ON FUNCTION segment.create_audience(name, segment.filter, name, boolean, text) IS
    'defines an audience: the profiles for which the filter holds, at any instant; view also makes a view of its name in the current schema that shows their keys; returns how many members there are now';

CREATE OR REPLACE FUNCTION segment.alter_audience(
    name name,
    filter segment.filter DEFAULT NULL,
    population name DEFAULT NULL,
    description text DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_alter_audience';
COMMENT ON FUNCTION segment.alter_audience(name, segment.filter, name, text) IS
    'gives an audience another filter or description (empty: none); what is not given stays; returns how many members there are now';

CREATE OR REPLACE FUNCTION segment.drop_audience(
    name name,
    population name DEFAULT NULL,
    cascade boolean DEFAULT false)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_drop_audience';
COMMENT ON FUNCTION segment.drop_audience(name, name, boolean) IS
    'drops an audience and its view; refused while other audiences are made of it, unless cascade, which drops these too';

-- Questions about a whole population use parallel workers of their own, so
-- they are asked by the leader (parallel restricted); those about one profile
-- may be asked anywhere.
CREATE OR REPLACE FUNCTION segment.members(
    audience name,
    population name DEFAULT NULL)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 1000
AS 'MODULE_PATHNAME', 'segment_members';
COMMENT ON FUNCTION segment.members(name, name) IS
    'keys of the members now, one column of the key''s type, in no order: members(''vip'') AS m(customer_id bigint)';

CREATE OR REPLACE FUNCTION segment.size(
    audience name,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000
AS 'MODULE_PATHNAME', 'segment_size';
COMMENT ON FUNCTION segment.size(name, name) IS
    'how many members the audience has now';

CREATE OR REPLACE FUNCTION segment.count_where(
    filter segment.filter,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000
AS 'MODULE_PATHNAME', 'segment_count_where';
COMMENT ON FUNCTION segment.count_where(segment.filter, name) IS
    'for how many profiles the filter holds now: the size of an audience that is not defined';

CREATE OR REPLACE FUNCTION segment.is_member(
    audience name,
    key bigint,
    population name DEFAULT NULL)
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'segment_is_member';
COMMENT ON FUNCTION segment.is_member(name, bigint, name) IS
    'is the profile a member now? false for a key that no profile has';

CREATE OR REPLACE FUNCTION segment.is_member(
    audience name,
    key uuid,
    population name DEFAULT NULL)
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'segment_is_member';
COMMENT ON FUNCTION segment.is_member(name, uuid, name) IS
    'is the profile a member now? false for a key that no profile has';

CREATE OR REPLACE FUNCTION segment.is_member(
    audience name,
    key text,
    population name DEFAULT NULL)
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'segment_is_member';
COMMENT ON FUNCTION segment.is_member(name, text, name) IS
    'is the profile a member now? false for a key that no profile has; the text is read as a key of the population';

CREATE OR REPLACE FUNCTION segment.audiences(
    key bigint,
    population name DEFAULT NULL)
RETURNS SETOF name
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_audiences';
COMMENT ON FUNCTION segment.audiences(bigint, name) IS
    'names of the audiences that the profile is a member of now, in order; none for a key that no profile has';

CREATE OR REPLACE FUNCTION segment.audiences(
    key uuid,
    population name DEFAULT NULL)
RETURNS SETOF name
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_audiences';
COMMENT ON FUNCTION segment.audiences(uuid, name) IS
    'names of the audiences that the profile is a member of now, in order; none for a key that no profile has';

CREATE OR REPLACE FUNCTION segment.audiences(
    key text,
    population name DEFAULT NULL)
RETURNS SETOF name
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_audiences';
COMMENT ON FUNCTION segment.audiences(text, name) IS
    'names of the audiences that the profile is a member of now, in order; none for a key that no profile has; the text is read as a key of the population';

CREATE OR REPLACE FUNCTION segment.explain(
    audience name,
    key bigint,
    population name DEFAULT NULL,
    OUT depth integer,
    OUT filter text,
    OUT value text,
    OUT holds boolean)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_explain';
COMMENT ON FUNCTION segment.explain(name, bigint, name) IS
    'why the profile is a member now, or why not: the parts of the filter from the whole (depth 0) to its predicates, those of audiences within it included; value is what a predicate looks at, NULL if missing';

CREATE OR REPLACE FUNCTION segment.explain(
    audience name,
    key uuid,
    population name DEFAULT NULL,
    OUT depth integer,
    OUT filter text,
    OUT value text,
    OUT holds boolean)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_explain';
COMMENT ON FUNCTION segment.explain(name, uuid, name) IS
    'why the profile is a member now, or why not: the parts of the filter from the whole (depth 0) to its predicates, those of audiences within it included; value is what a predicate looks at, NULL if missing';

CREATE OR REPLACE FUNCTION segment.explain(
    audience name,
    key text,
    population name DEFAULT NULL,
    OUT depth integer,
    OUT filter text,
    OUT value text,
    OUT holds boolean)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_explain';
COMMENT ON FUNCTION segment.explain(name, text, name) IS
    'why the profile is a member now, or why not: the parts of the filter from the whole (depth 0) to its predicates, those of audiences within it included; value is what a predicate looks at, NULL if missing; the text is read as a key of the population';
