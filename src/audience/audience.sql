-- one row per audience
CREATE TABLE segment.audience (
    population name NOT NULL,
    audience name NOT NULL,
    filter segment.filter NOT NULL,
    view regclass,
    description text,
    definition_id integer NOT NULL,
    stored boolean NOT NULL,
    time_dependent boolean NOT NULL,
    matches_empty boolean NOT NULL,
    UNIQUE (population, definition_id),
    PRIMARY KEY (population, audience)
);
ALTER TABLE segment.audience OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.audience
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.create_audience(), segment.alter_audience() and segment.drop_audience()');
COMMENT ON TABLE segment.audience IS 'audiences: named filters over the profiles of a population';
COMMENT ON COLUMN segment.audience.population IS 'name of the population';
COMMENT ON COLUMN segment.audience.audience IS 'name of the audience';
COMMENT ON COLUMN segment.audience.filter IS 'the profiles for which it holds are the members';
COMMENT ON COLUMN segment.audience.view IS 'view that shows the keys of the members; NULL if there is none';
COMMENT ON COLUMN segment.audience.description IS 'what the audience is for, for people';
COMMENT ON COLUMN segment.audience.definition_id IS 'number of this definition, under which its members are stored; another filter gets another number';
COMMENT ON COLUMN segment.audience.stored IS 'are its members stored? if not, nobody can say when time changes the filter, or the filter is broken; it is evaluated when asked';
COMMENT ON COLUMN segment.audience.time_dependent IS 'is the clock part of the filter, so that time alone changes who is a member?';
COMMENT ON COLUMN segment.audience.matches_empty IS 'did the filter hold for a profile of which nothing is known, when it was defined?';
SELECT pg_catalog.pg_extension_config_dump('segment.audience', '');
GRANT SELECT ON segment.audience TO PUBLIC;

-- one row per population that has ever had an audience
CREATE TABLE segment.membership (
    population name PRIMARY KEY,
    chunks regclass NOT NULL,
    toggles regclass NOT NULL,
    last_definition_id integer NOT NULL DEFAULT 0,
    decided_at timestamptz NOT NULL DEFAULT '-infinity'
);
ALTER TABLE segment.membership OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.membership
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.create_audience(), segment.alter_audience() and segment.drop_audience()');
COMMENT ON TABLE segment.membership IS 'where the members of the audiences of each population are stored';
COMMENT ON COLUMN segment.membership.population IS 'name of the population';
COMMENT ON COLUMN segment.membership.chunks IS 'table of bitmaps: one row per audience and 131,072 profiles, a version byte and a roaring bitmap in portable format';
COMMENT ON COLUMN segment.membership.toggles IS 'table of those who entered or left since the last fold';
COMMENT ON COLUMN segment.membership.last_definition_id IS 'the highest number that a definition has had';
COMMENT ON COLUMN segment.membership.decided_at IS 'as of when it was last decided of all profiles who is a member, by a definition';
SELECT pg_catalog.pg_extension_config_dump('segment.membership', '');
GRANT SELECT ON segment.membership TO PUBLIC;
