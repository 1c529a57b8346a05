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
    building boolean NOT NULL DEFAULT false,
    UNIQUE (population, definition_id),
    PRIMARY KEY (population, audience)
);
ALTER TABLE segment.audience OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.audience
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.create_audience(), segment.alter_audience() and segment.drop_audience()');
COMMENT ON TABLE segment.audience IS 'audiences: named filters over the profiles of a population';
COMMENT ON COLUMN segment.audience.population IS 'name of the population';
COMMENT ON COLUMN segment.audience.audience IS 'name of the audience';
COMMENT ON COLUMN segment.audience.filter IS 'filter of the audience: the members are the profiles for which the filter holds';
COMMENT ON COLUMN segment.audience.view IS 'view that shows the keys of the members; NULL if the audience has no view';
COMMENT ON COLUMN segment.audience.description IS 'purpose of the audience, in words for people';
COMMENT ON COLUMN segment.audience.definition_id IS 'id of this definition, under which its members are stored; another filter gets another id';
COMMENT ON COLUMN segment.audience.stored IS 'are the members stored? if not, either it is not known when time changes the filter, and each question evaluates it, or the filter is broken';
COMMENT ON COLUMN segment.audience.time_dependent IS 'is the clock part of the filter, so that time alone changes who is a member?';
COMMENT ON COLUMN segment.audience.matches_empty IS 'did the filter hold for a profile without data when the audience was defined?';
COMMENT ON COLUMN segment.audience.building IS 'are its members still being stored? meanwhile each question evaluates the filter, and the feed does not show the audience';
SELECT pg_catalog.pg_extension_config_dump('segment.audience', '');
GRANT SELECT ON segment.audience TO PUBLIC;
