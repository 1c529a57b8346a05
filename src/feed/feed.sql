-- one row per population: how far its feed goes
CREATE TABLE segment.feed (
    population name PRIMARY KEY,
    last bigint NOT NULL DEFAULT 0,
    trimmed bigint NOT NULL DEFAULT 0,
    CHECK (0 <= trimmed AND trimmed <= last)
);
COMMENT ON TABLE segment.feed IS 'how far the feed of each population goes; whoever appends locks its row, so numbers are in commit order';
COMMENT ON COLUMN segment.feed.population IS 'name of the population';
COMMENT ON COLUMN segment.feed.last IS 'number of the last transition, 0 before the first';
COMMENT ON COLUMN segment.feed.trimmed IS 'transitions up to this number have been removed';
SELECT pg_catalog.pg_extension_config_dump('segment.feed', '');

-- one row per transition; written in bulk, so it is checked by whoever appends and references nothing
CREATE TABLE segment.transition (
    population name NOT NULL,
    seq bigint NOT NULL,
    audience name NOT NULL,
    key text NOT NULL,
    change text NOT NULL CHECK (change IN ('entered', 'left')),
    at timestamptz NOT NULL,
    told_at timestamptz NOT NULL,
    cause text NOT NULL,
    tenant text,
    PRIMARY KEY (population, seq)
);
COMMENT ON TABLE segment.transition IS 'the feed: who entered and who left which audience, in the order of commits; shows the populations whose view the reader may read';
COMMENT ON COLUMN segment.transition.population IS 'name of the population';
COMMENT ON COLUMN segment.transition.seq IS 'number of the transition: 1, 2, 3 ... in each population, in commit order and without gaps';
COMMENT ON COLUMN segment.transition.audience IS 'name of the audience';
COMMENT ON COLUMN segment.transition.key IS 'key of the profile, as text';
COMMENT ON COLUMN segment.transition.change IS 'entered or left';
COMMENT ON COLUMN segment.transition.at IS 'the instant at which membership changed';
COMMENT ON COLUMN segment.transition.told_at IS 'the instant at which it was written here, from which segment.feed_retention counts';
COMMENT ON COLUMN segment.transition.cause IS 'why: event (something was reported of the profile), time (nothing was: the instant came), create, edit, rename or drop (of the audience), rebuild';
COMMENT ON COLUMN segment.transition.tenant IS 'tenant of the profile, if the population has tenants';
SELECT pg_catalog.pg_extension_config_dump('segment.transition', '');

-- An array that is computed once per query, and that the primary key can be
-- searched for.  A population whose view was dropped stays readable for its
-- owner.  segment.stat_consumer shows by the same rule.
ALTER TABLE segment.transition ENABLE ROW LEVEL SECURITY;
CREATE POLICY readers ON segment.transition FOR SELECT USING (
    population = ANY (ARRAY(
        SELECT p.population FROM segment.population p
        WHERE has_table_privilege(p.view, 'SELECT')
           OR (SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = p.base))));
COMMENT ON POLICY readers ON segment.transition IS 'who may read the view of a population may read its transitions';
GRANT SELECT ON segment.transition TO PUBLIC;

-- one row per consumer
CREATE TABLE segment.consumer (
    population name NOT NULL,
    consumer name PRIMARY KEY,
    owner regrole NOT NULL,
    acknowledged bigint NOT NULL,
    polled bigint NOT NULL,
    leased_until timestamptz,
    CHECK (acknowledged <= polled)
);
COMMENT ON TABLE segment.consumer IS 'consumers: how far each has read the feed of its population';
COMMENT ON COLUMN segment.consumer.population IS 'name of the population whose feed it reads';
COMMENT ON COLUMN segment.consumer.consumer IS 'name of the consumer';
COMMENT ON COLUMN segment.consumer.owner IS 'role that created it, and may poll';
COMMENT ON COLUMN segment.consumer.acknowledged IS 'transitions up to this number are done with';
COMMENT ON COLUMN segment.consumer.polled IS 'transitions up to this number have been given to it at least once';
COMMENT ON COLUMN segment.consumer.leased_until IS 'until then nobody is given what the last poll gave out; NULL if nothing is out';
SELECT pg_catalog.pg_extension_config_dump('segment.consumer', '');
