-- The transitions that stand together in a row of the feed.  What follows the
-- population narrows them down, and is filled in by the planner (feed/narrow.c).
CREATE OR REPLACE FUNCTION segment.feed_members_support(internal)
RETURNS internal
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_feed_members_support';
COMMENT ON FUNCTION segment.feed_members_support(internal) IS
    'lets segment.feed_members() know which transitions a query asks for';

CREATE OR REPLACE FUNCTION segment.feed_members(
    population name,
    from_seq bigint DEFAULT NULL,
    to_seq bigint DEFAULT NULL,
    of_audience text DEFAULT NULL,
    keys boolean DEFAULT true,
    OUT population text,
    OUT seq bigint,
    OUT audience text,
    OUT key text,
    OUT change text,
    OUT at timestamptz,
    OUT recorded_at timestamptz,
    OUT cause text,
    OUT profiles bigint)
RETURNS SETOF record
LANGUAGE C STABLE ROWS 1000
SUPPORT segment.feed_members_support
AS 'MODULE_PATHNAME', 'segment_feed_members';
COMMENT ON FUNCTION segment.feed_members(name, bigint, bigint, text, boolean) IS
    'the transitions that stand together in a row of the feed, of a definition or of a profile that entered and left several audiences, in order, for those who may read the view of the population: with these numbers, of this audience, for definitions with or without keys';

-- What the feed and its consumers show to whom: the populations whose view the
-- reader may read; one whose view was dropped, to its owner.  The names are an
-- array, computed once for a query, for which the primary key can be searched.
-- (SELECT), one row without columns that the planner leaves away, makes it a view
-- that the server lets nobody write.  Of the rows that have several transitions, a
-- query reads those that it asks for by seq and audience, and sorts.
CREATE OR REPLACE VIEW segment.transition WITH (security_barrier) AS
SELECT t.population, t.seq, t.audience, t.key, t.change, t.at, t.recorded_at, t.cause, t.profiles
FROM (
    SELECT f.population, f.seq, f.audience, f.key, f.change, f.at, f.recorded_at, f.cause, 1::bigint AS profiles
    FROM segment.feed f
    WHERE f.members IS NULL AND f.audiences IS NULL
    UNION ALL
    SELECT c.population::text, m.seq, m.audience, m.key, m.change, m.at, m.recorded_at, m.cause, m.profiles
    FROM segment.feed_counter c CROSS JOIN LATERAL segment.feed_members(c.population) m
    WHERE c.last > c.trimmed) t CROSS JOIN (SELECT) AS read_only
WHERE t.population = ANY (ARRAY(
    SELECT p.population::text FROM segment.population p
    WHERE has_table_privilege(p.view, 'SELECT')
       OR (SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = p.base)))
ORDER BY t.population, t.seq;
ALTER VIEW segment.transition OWNER TO @extowner@;
COMMENT ON VIEW segment.transition IS 'the feed: the profiles that entered and left audiences, in the order of commits, for the populations whose view the reader may read';
COMMENT ON COLUMN segment.transition.population IS 'name of the population';
COMMENT ON COLUMN segment.transition.seq IS 'number of the transition: 1, 2, 3 ... in each population, in commit order and without gaps';
COMMENT ON COLUMN segment.transition.audience IS 'name of the audience';
COMMENT ON COLUMN segment.transition.key IS 'key of the profile, as text';
COMMENT ON COLUMN segment.transition.change IS 'entered or left';
COMMENT ON COLUMN segment.transition.at IS 'the instant at which membership changed';
COMMENT ON COLUMN segment.transition.recorded_at IS 'the instant at which the transition was recorded in the feed; segment.feed_retention counts from it';
COMMENT ON COLUMN segment.transition.cause IS 'cause of the transition: event (of the profile), time (alone), create, edit, rename or drop (of the audience), rebuild (of the population)';
COMMENT ON COLUMN segment.transition.profiles IS 'how many profiles entered or left: 1, unless segment.poll() or segment.transitions() is asked for definitions without their members';
GRANT SELECT ON segment.transition TO PUBLIC;

CREATE OR REPLACE FUNCTION segment.transitions(
    population name DEFAULT NULL,
    after bigint DEFAULT 0,
    n bigint DEFAULT NULL,
    members boolean DEFAULT true)
RETURNS SETOF segment.transition
LANGUAGE C STABLE ROWS 1000
AS 'MODULE_PATHNAME', 'segment_transitions';
COMMENT ON FUNCTION segment.transitions(name, bigint, bigint, boolean) IS
    'up to n transitions of a population that are after a number, in order; without members one row, without a key, for all profiles that a definition made enter or leave: its seq is the number of the last of them';

CREATE OR REPLACE FUNCTION segment.create_consumer(
    name name,
    population name DEFAULT NULL,
    from_start boolean DEFAULT false)
RETURNS bigint
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_create_consumer';
COMMENT ON FUNCTION segment.create_consumer(name, name, boolean) IS
    'creates a consumer of the feed, owned by the calling role, which reads the transitions from now on, or with from_start all that are kept; returns the number before the first of these transitions';

CREATE OR REPLACE FUNCTION segment.poll(
    consumer name,
    n bigint DEFAULT 100,
    lease interval DEFAULT '30 seconds',
    members boolean DEFAULT true)
RETURNS SETOF segment.transition
LANGUAGE C VOLATILE ROWS 100
AS 'MODULE_PATHNAME', 'segment_poll';
COMMENT ON FUNCTION segment.poll(name, bigint, interval, boolean) IS
    'returns up to n transitions that the consumer has not acknowledged yet, in order; without members one row, without a key, for all profiles that a definition made enter or leave: its seq is the number of the last of them; during the lease no other poll returns them, after it the next poll returns them again unless they are acknowledged; a poll that is rolled back leases nothing';

CREATE OR REPLACE FUNCTION segment.poll(
    consumer name,
    n bigint,
    lease text,
    members boolean DEFAULT true)
RETURNS SETOF segment.transition
LANGUAGE C VOLATILE ROWS 100
AS 'MODULE_PATHNAME', 'segment_poll_text';
COMMENT ON FUNCTION segment.poll(name, bigint, text, boolean) IS
    'the same, with the lease as text, for parameters of a statement';

CREATE OR REPLACE FUNCTION segment.ack(
    consumer name,
    seq bigint)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_ack';
COMMENT ON FUNCTION segment.ack(name, bigint) IS
    'acknowledges all transitions up to seq; the next poll returns later transitions again; NULL, the max(seq) of an empty poll, acknowledges nothing';

CREATE OR REPLACE FUNCTION segment.drop_consumer(
    name name)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_drop_consumer';
COMMENT ON FUNCTION segment.drop_consumer(name) IS
    'drops a consumer: the feed no longer waits for it';

CREATE OR REPLACE FUNCTION segment.trim_feed(
    age interval DEFAULT NULL,
    force boolean DEFAULT false,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_trim_feed';
COMMENT ON FUNCTION segment.trim_feed(interval, boolean, name) IS
    'removes from the start of the feed the transitions that were recorded longer ago than age (default: the setting segment.feed_retention), up to the first one that a consumer has not acknowledged; with force also later ones, with a message for each consumer that loses some; returns the number of removed transitions';

CREATE OR REPLACE FUNCTION segment.trim_feed(
    age text,
    force boolean DEFAULT false,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_trim_feed_text';
COMMENT ON FUNCTION segment.trim_feed(text, boolean, name) IS
    'the same, with the age as text, for parameters of a statement';

CREATE OR REPLACE VIEW segment.stat_consumer WITH (security_barrier) AS
SELECT c.consumer, c.population, c.owner, c.acknowledged, c.polled, c.leased_until,
       f.last - c.acknowledged AS behind
FROM segment.consumer c
JOIN segment.feed_counter f USING (population)
WHERE c.population = ANY (ARRAY(
    SELECT p.population FROM segment.population p
    WHERE has_table_privilege(p.view, 'SELECT')
       OR (SELECT pg_has_role(r.relowner, 'USAGE') FROM pg_class r WHERE r.oid = p.base)));
ALTER VIEW segment.stat_consumer OWNER TO @extowner@;
COMMENT ON VIEW segment.stat_consumer IS 'how far each consumer has read, for the populations whose view the reader may read';
COMMENT ON COLUMN segment.stat_consumer.consumer IS 'name of the consumer';
COMMENT ON COLUMN segment.stat_consumer.population IS 'name of the population whose feed the consumer reads';
COMMENT ON COLUMN segment.stat_consumer.owner IS 'role that created the consumer, and may poll';
COMMENT ON COLUMN segment.stat_consumer.acknowledged IS 'number of the last transition that the consumer has acknowledged';
COMMENT ON COLUMN segment.stat_consumer.polled IS 'number of the last transition that a poll has returned to the consumer';
COMMENT ON COLUMN segment.stat_consumer.leased_until IS 'until this instant no other poll returns the transitions of the last poll; NULL if none are leased';
COMMENT ON COLUMN segment.stat_consumer.behind IS 'number of transitions that the consumer has not acknowledged yet';
GRANT SELECT ON segment.stat_consumer TO PUBLIC;
