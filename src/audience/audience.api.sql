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
    'the keys of the members now, in no order; one column of the key''s type: members(''vip'') AS m(customer_id bigint)';

CREATE OR REPLACE FUNCTION segment.size(
    audience name,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000
AS 'MODULE_PATHNAME', 'segment_size';
COMMENT ON FUNCTION segment.size(name, name) IS
    'number of members of the audience now';

CREATE OR REPLACE FUNCTION segment.sizes(
    population name DEFAULT NULL,
    OUT audience name,
    OUT size bigint)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL UNSAFE COST 10000 ROWS 100
AS 'MODULE_PATHNAME', 'segment_sizes';
COMMENT ON FUNCTION segment.sizes(name) IS
    'number of members of each audience of the population now, ordered by name; NULL for a broken audience';

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
    'compares two audiences now: their sizes, the number of profiles in both, in either and in only one, and jaccard, which is in_both / in_either (NULL if both are empty)';

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
    'segment.overlap() for each pair of the given audiences, in the given order (default: all audiences of the population, ordered by name)';

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
    'shows what another filter would change in the audience, and changes nothing: one row each for the profiles entering, leaving and staying, with their number and their keys in order, at most list_keys of them (NULL: all)';

CREATE OR REPLACE FUNCTION segment.count_where(
    filter segment.filter,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000
AS 'MODULE_PATHNAME', 'segment_count_where';
COMMENT ON FUNCTION segment.count_where(segment.filter, name) IS
    'number of profiles for which the filter holds now: the size that an audience with this filter would have';

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
    'is the profile a member of the audience now? false for a key that no profile has';

CREATE OR REPLACE FUNCTION segment.is_member(
    audience name,
    key uuid,
    population name DEFAULT NULL)
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE COST 100
SUPPORT segment.member_support
AS 'MODULE_PATHNAME', 'segment_is_member';
COMMENT ON FUNCTION segment.is_member(name, uuid, name) IS
    'is the profile a member of the audience now? false for a key that no profile has';

CREATE OR REPLACE FUNCTION segment.is_member(
    audience name,
    key text,
    population name DEFAULT NULL)
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE COST 100
SUPPORT segment.member_support
AS 'MODULE_PATHNAME', 'segment_is_member';
COMMENT ON FUNCTION segment.is_member(name, text, name) IS
    'is the profile a member of the audience now? false for a key that no profile has; the text is converted to the population''s key type';

CREATE OR REPLACE FUNCTION segment.audiences(
    key bigint,
    population name DEFAULT NULL)
RETURNS SETOF name
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_audiences';
COMMENT ON FUNCTION segment.audiences(bigint, name) IS
    'names of the audiences of which the profile is a member now, in order, without broken audiences; no row for a key that no profile has';

CREATE OR REPLACE FUNCTION segment.audiences(
    key uuid,
    population name DEFAULT NULL)
RETURNS SETOF name
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_audiences';
COMMENT ON FUNCTION segment.audiences(uuid, name) IS
    'names of the audiences of which the profile is a member now, in order, without broken audiences; no row for a key that no profile has';

CREATE OR REPLACE FUNCTION segment.audiences(
    key text,
    population name DEFAULT NULL)
RETURNS SETOF name
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_audiences';
COMMENT ON FUNCTION segment.audiences(text, name) IS
    'names of the audiences of which the profile is a member now, in order, without broken audiences; no row for a key that no profile has; the text is converted to the population''s key type';

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
    'explains why the profile is a member now, or why not: one row per part of the filter, from the whole filter (depth 0) to its conditions, including the filters of audiences within it; value: the value that a condition tests, NULL if missing; next_change: the instant at which holds changes by time alone, NULL if never';

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
    'explains why the profile is a member now, or why not: one row per part of the filter, from the whole filter (depth 0) to its conditions, including the filters of audiences within it; value: the value that a condition tests, NULL if missing; next_change: the instant at which holds changes by time alone, NULL if never';

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
    'explains why the profile is a member now, or why not: one row per part of the filter, from the whole filter (depth 0) to its conditions, including the filters of audiences within it; value: the value that a condition tests, NULL if missing; next_change: the instant at which holds changes by time alone, NULL if never; the text is converted to the population''s key type';

CREATE OR REPLACE FUNCTION segment.next_change(
    audience name,
    key bigint,
    population name DEFAULT NULL)
RETURNS timestamptz
LANGUAGE C STABLE PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'segment_next_change';
COMMENT ON FUNCTION segment.next_change(name, bigint, name) IS
    'the instant at which the profile enters or leaves the audience if only time passes; NULL if never';

CREATE OR REPLACE FUNCTION segment.next_change(
    audience name,
    key uuid,
    population name DEFAULT NULL)
RETURNS timestamptz
LANGUAGE C STABLE PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'segment_next_change';
COMMENT ON FUNCTION segment.next_change(name, uuid, name) IS
    'the instant at which the profile enters or leaves the audience if only time passes; NULL if never';

CREATE OR REPLACE FUNCTION segment.next_change(
    audience name,
    key text,
    population name DEFAULT NULL)
RETURNS timestamptz
LANGUAGE C STABLE PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'segment_next_change';
COMMENT ON FUNCTION segment.next_change(name, text, name) IS
    'the instant at which the profile enters or leaves the audience if only time passes; NULL if never; the text is converted to the population''s key type';

CREATE OR REPLACE FUNCTION segment.forecast(
    audience name,
    at timestamptz,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000
AS 'MODULE_PATHNAME', 'segment_forecast';
COMMENT ON FUNCTION segment.forecast(name, timestamptz, name) IS
    'number of members that the audience will have at that instant if no event comes';

CREATE OR REPLACE FUNCTION segment.forecast(
    audience name,
    at text,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000
AS 'MODULE_PATHNAME', 'segment_forecast_text';
COMMENT ON FUNCTION segment.forecast(name, text, name) IS
    'the same, with the instant as text, for parameters of a statement';

-- What the views of audiences are made of, with segment.pack_members().
CREATE OR REPLACE FUNCTION segment.definition_id(
    population name,
    audience name)
RETURNS integer
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'segment_definition_id';
COMMENT ON FUNCTION segment.definition_id(name, name) IS
    'id of the audience''s present definition, under which its members are stored';

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

CREATE OR REPLACE FUNCTION segment.sized(
    population name,
    audience name,
    condition boolean)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1
SUPPORT segment.member_support
AS 'MODULE_PATHNAME', 'segment_sized';
COMMENT ON FUNCTION segment.sized(name, name, boolean) IS
    'the condition; the planner expects it to be true of as many profiles as the audience has members';

CREATE OR REPLACE FUNCTION segment.filters_evaluated()
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'segment_filters_evaluated';
COMMENT ON FUNCTION segment.filters_evaluated() IS
    'number of filters that this session has evaluated on profiles changed by its events or by time; for measurements';

CREATE OR REPLACE FUNCTION segment.audience_status()
RETURNS TABLE (base oid, definition_id integer, evaluated bigint, conditions bigint, milliseconds double precision, transitions bigint)
LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 1000
AS 'MODULE_PATHNAME', 'segment_audience_status';
COMMENT ON FUNCTION segment.audience_status() IS
    'what events and time have cost each definition of an audience: see segment.stat_audience';

CREATE OR REPLACE VIEW segment.stat_audience AS
SELECT a.population, a.audience,
    coalesce(s.evaluated, 0) AS evaluated,
    coalesce(s.conditions, 0) AS conditions,
    coalesce(s.milliseconds, 0) AS milliseconds,
    coalesce(s.transitions, 0) AS transitions
FROM segment.audience a
JOIN segment.population p ON p.population = a.population
LEFT JOIN segment.audience_status() s ON s.base = p.base AND s.definition_id = a.definition_id;
COMMENT ON VIEW segment.stat_audience IS 'what events and the passing of time have cost each audience, since it has its filter and the server was started';
COMMENT ON COLUMN segment.stat_audience.population IS 'name of the population';
COMMENT ON COLUMN segment.stat_audience.audience IS 'name of the audience';
COMMENT ON COLUMN segment.stat_audience.evaluated IS 'how often the filter was evaluated, as a rule twice for a profile: before and after a change';
COMMENT ON COLUMN segment.stat_audience.conditions IS 'how often conditions of the filter were evaluated to find out whether the filter must be; one that several audiences have counts for one of them';
COMMENT ON COLUMN segment.stat_audience.milliseconds IS 'how long both took';
COMMENT ON COLUMN segment.stat_audience.transitions IS 'how often a profile entered or left';
ALTER VIEW segment.stat_audience OWNER TO @extowner@;
GRANT SELECT ON segment.stat_audience TO PUBLIC;
