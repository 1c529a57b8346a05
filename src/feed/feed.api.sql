CREATE OR REPLACE FUNCTION segment.create_consumer(
    name name,
    population name DEFAULT NULL,
    from_start boolean DEFAULT false)
RETURNS bigint
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_create_consumer';
COMMENT ON FUNCTION segment.create_consumer(name, name, boolean) IS
    'creates a consumer of the feed, for the calling role: it is given the transitions from now on, or from_start all that are kept; returns the number before the first of them';

CREATE OR REPLACE FUNCTION segment.poll(
    consumer name,
    n bigint DEFAULT 100,
    lease interval DEFAULT '30 seconds')
RETURNS SETOF segment.transition
LANGUAGE C VOLATILE ROWS 100
AS 'MODULE_PATHNAME', 'segment_poll';
COMMENT ON FUNCTION segment.poll(name, bigint, interval) IS
    'up to n transitions that the consumer has not acknowledged yet, in order; for as long as the lease nobody else is given them, then they are given again unless acknowledged; a poll that is rolled back gave nothing';

CREATE OR REPLACE FUNCTION segment.poll(
    consumer name,
    n bigint,
    lease text)
RETURNS SETOF segment.transition
LANGUAGE C VOLATILE ROWS 100
AS 'MODULE_PATHNAME', 'segment_poll_text';
COMMENT ON FUNCTION segment.poll(name, bigint, text) IS
    'the same with the lease as text, as of a parameter';

CREATE OR REPLACE FUNCTION segment.ack(
    consumer name,
    seq bigint)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_ack';
COMMENT ON FUNCTION segment.ack(name, bigint) IS
    'the consumer is done with the transitions up to this one; what it was given beyond is given again by the next poll; NULL, as max(seq) of an empty poll, acknowledges nothing';

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
    'removes from the beginning of the feed what was told longer ago than age (default: the setting segment.feed_retention), up to the first that a consumer has not acknowledged; with force those too, and says who loses what; returns how many';

CREATE OR REPLACE FUNCTION segment.trim_feed(
    age text,
    force boolean DEFAULT false,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_trim_feed_text';
COMMENT ON FUNCTION segment.trim_feed(text, boolean, name) IS
    'the same with the age as text, as of a parameter';

CREATE OR REPLACE VIEW segment.stat_consumer WITH (security_barrier) AS
SELECT c.consumer, c.population, c.owner, c.acknowledged, c.polled, c.leased_until,
       f.last - c.acknowledged AS behind
FROM segment.consumer c
JOIN segment.feed f USING (population)
WHERE c.population = ANY (ARRAY(
    SELECT p.population FROM segment.population p
    WHERE has_table_privilege(p.view, 'SELECT')
       OR (SELECT pg_has_role(r.relowner, 'USAGE') FROM pg_class r WHERE r.oid = p.base)));
COMMENT ON VIEW segment.stat_consumer IS 'how far each consumer is, of the populations whose view the reader may read';
COMMENT ON COLUMN segment.stat_consumer.consumer IS 'name of the consumer';
COMMENT ON COLUMN segment.stat_consumer.population IS 'name of the population whose feed it reads';
COMMENT ON COLUMN segment.stat_consumer.owner IS 'role that created it, and may poll';
COMMENT ON COLUMN segment.stat_consumer.acknowledged IS 'transitions up to this number are done with';
COMMENT ON COLUMN segment.stat_consumer.polled IS 'transitions up to this number have been given to it at least once';
COMMENT ON COLUMN segment.stat_consumer.leased_until IS 'until then nobody is given what the last poll gave out; NULL if nothing is out';
COMMENT ON COLUMN segment.stat_consumer.behind IS 'how many transitions it has not acknowledged yet';
GRANT SELECT ON segment.stat_consumer TO PUBLIC;
