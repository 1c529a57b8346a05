-- A function that asks all audiences skips the broken ones, for which it needs
-- subtransactions; the server has none beside parallel workers (parallel
-- unsafe).  Other questions about a whole population use workers of their own,
-- so the leader asks them (parallel restricted).  Questions about one profile
-- and one audience may be asked anywhere.
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

CREATE OR REPLACE FUNCTION segment.sizes(
    population name DEFAULT NULL,
    OUT audience name,
    OUT size bigint)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL UNSAFE COST 10000 ROWS 100
AS 'MODULE_PATHNAME', 'segment_sizes';
COMMENT ON FUNCTION segment.sizes(name) IS
    'how many members each audience of the population has now, by name; NULL for one that is broken';

CREATE OR REPLACE FUNCTION segment.overlap(
    a name,
    b name,
    population name DEFAULT NULL,
    OUT size_a bigint,
    OUT size_b bigint,
    OUT in_both bigint,
    OUT in_either bigint,
    OUT only_a bigint,
    OUT only_b bigint,
    OUT jaccard double precision)
LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000
AS 'MODULE_PATHNAME', 'segment_overlap';
COMMENT ON FUNCTION segment.overlap(name, name, name) IS
    'what two audiences share now: their sizes, how many profiles are in both, in either and in one only, and jaccard, the share of either that is in both (NULL if both are empty)';

CREATE OR REPLACE FUNCTION segment.overlaps(
    audiences name[] DEFAULT NULL,
    population name DEFAULT NULL,
    OUT a name,
    OUT b name,
    OUT size_a bigint,
    OUT size_b bigint,
    OUT in_both bigint,
    OUT in_either bigint,
    OUT only_a bigint,
    OUT only_b bigint,
    OUT jaccard double precision)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 1000
AS 'MODULE_PATHNAME', 'segment_overlaps';
COMMENT ON FUNCTION segment.overlaps(name[], name) IS
    'segment.overlap() for each pair of several audiences, in the order given (default: all of the population, by name)';

CREATE OR REPLACE FUNCTION segment.what_if(
    audience name,
    filter segment.filter,
    population name DEFAULT NULL,
    list_keys bigint DEFAULT 100,
    OUT change text,
    OUT size bigint,
    OUT keys text[])
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 3
AS 'MODULE_PATHNAME', 'segment_what_if';
COMMENT ON FUNCTION segment.what_if(name, segment.filter, name, bigint) IS
    'what giving the audience this filter would do, without doing it: one row each for the profiles entering, leaving and staying, with their number and their keys in order, at most list_keys of them (NULL: all)';

CREATE OR REPLACE FUNCTION segment.count_where(
    filter segment.filter,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000
AS 'MODULE_PATHNAME', 'segment_count_where';
COMMENT ON FUNCTION segment.count_where(segment.filter, name) IS
    'for how many profiles the filter holds now: the size of an audience that is not defined';

CREATE OR REPLACE FUNCTION segment.member_support(internal)
RETURNS internal
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_member_support';
COMMENT ON FUNCTION segment.member_support(internal) IS
    'tells the planner how many members an audience has';

CREATE OR REPLACE FUNCTION segment.is_member(
    audience name,
    key bigint,
    population name DEFAULT NULL)
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE COST 100
SUPPORT segment.member_support
AS 'MODULE_PATHNAME', 'segment_is_member';
COMMENT ON FUNCTION segment.is_member(name, bigint, name) IS
    'is the profile a member now? false for a key that no profile has';

CREATE OR REPLACE FUNCTION segment.is_member(
    audience name,
    key uuid,
    population name DEFAULT NULL)
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE COST 100
SUPPORT segment.member_support
AS 'MODULE_PATHNAME', 'segment_is_member';
COMMENT ON FUNCTION segment.is_member(name, uuid, name) IS
    'is the profile a member now? false for a key that no profile has';

CREATE OR REPLACE FUNCTION segment.is_member(
    audience name,
    key text,
    population name DEFAULT NULL)
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE COST 100
SUPPORT segment.member_support
AS 'MODULE_PATHNAME', 'segment_is_member';
COMMENT ON FUNCTION segment.is_member(name, text, name) IS
    'is the profile a member now? false for a key that no profile has; the text is read as a key of the population';

CREATE OR REPLACE FUNCTION segment.audiences(
    key bigint,
    population name DEFAULT NULL)
RETURNS SETOF name
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_audiences';
COMMENT ON FUNCTION segment.audiences(bigint, name) IS
    'names of the audiences that the profile is a member of now, in order, but for those that are broken; none for a key that no profile has';

CREATE OR REPLACE FUNCTION segment.audiences(
    key uuid,
    population name DEFAULT NULL)
RETURNS SETOF name
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_audiences';
COMMENT ON FUNCTION segment.audiences(uuid, name) IS
    'names of the audiences that the profile is a member of now, in order, but for those that are broken; none for a key that no profile has';

CREATE OR REPLACE FUNCTION segment.audiences(
    key text,
    population name DEFAULT NULL)
RETURNS SETOF name
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_audiences';
COMMENT ON FUNCTION segment.audiences(text, name) IS
    'names of the audiences that the profile is a member of now, in order, but for those that are broken; none for a key that no profile has; the text is read as a key of the population';

CREATE OR REPLACE FUNCTION segment.explain(
    audience name,
    key bigint,
    population name DEFAULT NULL,
    OUT depth integer,
    OUT filter text,
    OUT value text,
    OUT holds boolean,
    OUT next_change timestamptz)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_explain';
COMMENT ON FUNCTION segment.explain(name, bigint, name) IS
    'why the profile is a member now, or why not: the parts of the filter from the whole (depth 0) to its predicates, those of audiences within it included; value is what a predicate looks at, NULL if missing; next_change is when holds turns, by the passing of time alone, NULL if never';

CREATE OR REPLACE FUNCTION segment.explain(
    audience name,
    key uuid,
    population name DEFAULT NULL,
    OUT depth integer,
    OUT filter text,
    OUT value text,
    OUT holds boolean,
    OUT next_change timestamptz)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_explain';
COMMENT ON FUNCTION segment.explain(name, uuid, name) IS
    'why the profile is a member now, or why not: the parts of the filter from the whole (depth 0) to its predicates, those of audiences within it included; value is what a predicate looks at, NULL if missing; next_change is when holds turns, by the passing of time alone, NULL if never';

CREATE OR REPLACE FUNCTION segment.explain(
    audience name,
    key text,
    population name DEFAULT NULL,
    OUT depth integer,
    OUT filter text,
    OUT value text,
    OUT holds boolean,
    OUT next_change timestamptz)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_explain';
COMMENT ON FUNCTION segment.explain(name, text, name) IS
    'why the profile is a member now, or why not: the parts of the filter from the whole (depth 0) to its predicates, those of audiences within it included; value is what a predicate looks at, NULL if missing; next_change is when holds turns, by the passing of time alone, NULL if never; the text is read as a key of the population';

CREATE OR REPLACE FUNCTION segment.next_change(
    audience name,
    key bigint,
    population name DEFAULT NULL)
RETURNS timestamptz
LANGUAGE C STABLE PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'segment_next_change';
COMMENT ON FUNCTION segment.next_change(name, bigint, name) IS
    'when the profile enters or leaves the audience if nothing happens but the passing of time; NULL if never';

CREATE OR REPLACE FUNCTION segment.next_change(
    audience name,
    key uuid,
    population name DEFAULT NULL)
RETURNS timestamptz
LANGUAGE C STABLE PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'segment_next_change';
COMMENT ON FUNCTION segment.next_change(name, uuid, name) IS
    'when the profile enters or leaves the audience if nothing happens but the passing of time; NULL if never';

CREATE OR REPLACE FUNCTION segment.next_change(
    audience name,
    key text,
    population name DEFAULT NULL)
RETURNS timestamptz
LANGUAGE C STABLE PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'segment_next_change';
COMMENT ON FUNCTION segment.next_change(name, text, name) IS
    'when the profile enters or leaves the audience if nothing happens but the passing of time; NULL if never; the text is read as a key of the population';

CREATE OR REPLACE FUNCTION segment.forecast(
    audience name,
    at timestamptz,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000
AS 'MODULE_PATHNAME', 'segment_forecast';
COMMENT ON FUNCTION segment.forecast(name, timestamptz, name) IS
    'how many members the audience will have at that instant if no event comes';

CREATE OR REPLACE FUNCTION segment.forecast(
    audience name,
    at text,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000
AS 'MODULE_PATHNAME', 'segment_forecast_text';
COMMENT ON FUNCTION segment.forecast(name, text, name) IS
    'the same with the instant as text, as of a parameter';

-- What the views of audiences are made of, with segment.pack_members().
CREATE OR REPLACE FUNCTION segment.definition_id(
    population name,
    audience name)
RETURNS integer
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'segment_definition_id';
COMMENT ON FUNCTION segment.definition_id(name, name) IS
    'id of the audience''s definition as it is now, under which its members are stored';

CREATE OR REPLACE FUNCTION segment.is_stored_member(
    population name,
    audience name,
    members bytea,
    ord bigint)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1
SUPPORT segment.member_support
AS 'MODULE_PATHNAME', 'segment_is_stored_member';
COMMENT ON FUNCTION segment.is_stored_member(name, name, bytea, bigint) IS
    'is the profile of that number among those that segment.pack_members() has packed?';

CREATE OR REPLACE FUNCTION segment.is_evaluated(
    population name,
    audience name,
    last bigint,
    ord bigint)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1
SUPPORT segment.member_support
AS 'MODULE_PATHNAME', 'segment_is_evaluated';
COMMENT ON FUNCTION segment.is_evaluated(name, name, bigint, bigint) IS
    'is the number of a profile not above the last? the planner expects that of none if the audience''s members are stored';

CREATE OR REPLACE FUNCTION segment.filters_evaluated()
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'segment_filters_evaluated';
COMMENT ON FUNCTION segment.filters_evaluated() IS
    'how many filters this session has evaluated on profiles that its events, or time, changed; for measurements';
