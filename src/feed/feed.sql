-- one row per population: how far its feed goes
CREATE TABLE segment.feed_counter (
    population name PRIMARY KEY,
    last bigint NOT NULL DEFAULT 0,
    trimmed bigint NOT NULL DEFAULT 0,
    last_definition bigint NOT NULL DEFAULT 0,
    announced boolean NOT NULL DEFAULT false,
    CHECK (0 <= trimmed AND trimmed <= last)
);
ALTER TABLE segment.feed_counter OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.feed_counter
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.tick() and segment.trim_feed()');
COMMENT ON TABLE segment.feed_counter IS 'last number of each population''s feed; a transaction that appends to the feed locks the row, so numbers are in commit order';
COMMENT ON COLUMN segment.feed_counter.population IS 'name of the population';
COMMENT ON COLUMN segment.feed_counter.last IS 'number of the last transition, 0 before the first';
COMMENT ON COLUMN segment.feed_counter.trimmed IS 'transitions up to this number have been removed';
COMMENT ON COLUMN segment.feed_counter.last_definition IS 'number of the last row that has members, 0 before the first';
COMMENT ON COLUMN segment.feed_counter.announced IS 'another such row is being made beside writers, and its number is not known yet';
SELECT pg_catalog.pg_extension_config_dump('segment.feed_counter', '');

-- one row per transition, for all that one profile entered and left at an instant, or for all those of a definition; written in bulk, so it is checked by whoever appends and references nothing
-- Names are texts, which take as many bytes as they have: a name would take 64, and these two the half of a row.
CREATE TABLE segment.feed (
    population text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    audience text COLLATE "C",
    key text,
    change text CHECK (change IN ('entered', 'left')),
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    cause text NOT NULL,
    profiles bigint,
    members bytea,
    audiences text[],
    entered boolean[],
    PRIMARY KEY (population, seq),
    CHECK (num_nulls(audience, audiences) = 1),
    CHECK (num_nulls(change, entered) = 1)
);
-- bitmaps do not get smaller by compression
ALTER TABLE segment.feed ALTER COLUMN members SET STORAGE EXTERNAL;
CREATE INDEX feed_several ON segment.feed (population, seq) WHERE members IS NOT NULL OR audiences IS NOT NULL;
ALTER TABLE segment.feed OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.feed
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.tick() and segment.trim_feed()');
COMMENT ON TABLE segment.feed IS 'the feed of all populations: the profiles that entered and left audiences; view segment.transition shows it to roles that may read a population''s view';
COMMENT ON COLUMN segment.feed.population IS 'name of the population';
COMMENT ON COLUMN segment.feed.seq IS 'number of the transition: 1, 2, 3 ... in each population, in commit order and without gaps; a row with members or audiences takes a number for each of them, and bears the last';
COMMENT ON COLUMN segment.feed.audience IS 'name of the audience; NULL in a row with audiences';
COMMENT ON COLUMN segment.feed.key IS 'key of the profile, as text; NULL in a row with members';
COMMENT ON COLUMN segment.feed.change IS 'entered or left; NULL in a row with audiences';
COMMENT ON COLUMN segment.feed.at IS 'the instant at which membership changed';
COMMENT ON COLUMN segment.feed.recorded_at IS 'the instant at which the transition was recorded in the feed; segment.feed_retention counts from it';
COMMENT ON COLUMN segment.feed.cause IS 'cause of the transition: event (of the profile), time (alone), create, edit, rename or drop (of the audience), rebuild (of the population)';
COMMENT ON COLUMN segment.feed.profiles IS 'how many profiles a definition made enter or leave; NULL in the row of one profile';
COMMENT ON COLUMN segment.feed.members IS 'the numbers (ord) of these profiles: for each 131,072 the number of the chunk in 8 bytes, the length of what follows in 4, a version byte and a roaring bitmap in portable format';
COMMENT ON COLUMN segment.feed.audiences IS 'names of the audiences, where the profile entered or left several at one instant: in the order of their numbers';
COMMENT ON COLUMN segment.feed.entered IS 'for each of these: did the profile enter it? else it left';
SELECT pg_catalog.pg_extension_config_dump('segment.feed', '');

-- one row per profile that ended while the feed tells of its number only
CREATE TABLE segment.ended_profile (
    population name NOT NULL,
    ord bigint NOT NULL,
    key text NOT NULL,
    told_by bigint NOT NULL,
    PRIMARY KEY (population, ord)
);
ALTER TABLE segment.ended_profile OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.ended_profile
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.trim_feed()');
COMMENT ON TABLE segment.ended_profile IS 'keys of profiles that ended, which members in segment.feed may mention';
COMMENT ON COLUMN segment.ended_profile.population IS 'name of the population';
COMMENT ON COLUMN segment.ended_profile.ord IS 'number that the profile had';
COMMENT ON COLUMN segment.ended_profile.key IS 'its key, as text';
COMMENT ON COLUMN segment.ended_profile.told_by IS 'seq of the last row of segment.feed that may mention it: when that is removed, so is this row; 9223372036854775807 where that row was being made beside';
SELECT pg_catalog.pg_extension_config_dump('segment.ended_profile', '');

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
ALTER TABLE segment.consumer OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.consumer
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.create_consumer(), segment.poll(), segment.ack() and segment.drop_consumer()');
COMMENT ON TABLE segment.consumer IS 'consumers: how far each has read the feed of its population; view segment.stat_consumer shows them to roles that may read the population''s view';
COMMENT ON COLUMN segment.consumer.population IS 'name of the population whose feed the consumer reads';
COMMENT ON COLUMN segment.consumer.consumer IS 'name of the consumer';
COMMENT ON COLUMN segment.consumer.owner IS 'role that created the consumer, and may poll';
COMMENT ON COLUMN segment.consumer.acknowledged IS 'number of the last transition that the consumer has acknowledged';
COMMENT ON COLUMN segment.consumer.polled IS 'number of the last transition that a poll has returned to the consumer';
COMMENT ON COLUMN segment.consumer.leased_until IS 'until this instant no other poll returns the transitions of the last poll; NULL if none are leased';
SELECT pg_catalog.pg_extension_config_dump('segment.consumer', '');

-- What not everybody may read is read by the database's owner, who dumps it.
GRANT SELECT ON segment.feed_counter, segment.feed, segment.ended_profile, segment.consumer TO pg_database_owner;
