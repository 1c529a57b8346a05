-- one row per table attached to a population
CREATE TABLE segment.source (
    population name NOT NULL,
    source name NOT NULL,
    relation regclass NOT NULL,
    key name NOT NULL,
    at name,
    filter segment.filter,
    PRIMARY KEY (population, source)
);
ALTER TABLE segment.source OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.source
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.attach_source() and segment.detach_source()');
COMMENT ON TABLE segment.source IS 'sources: tables that feed a population';
COMMENT ON COLUMN segment.source.population IS 'name of the population';
COMMENT ON COLUMN segment.source.source IS 'name of the source in filters and traits';
COMMENT ON COLUMN segment.source.relation IS 'the attached table';
COMMENT ON COLUMN segment.source.key IS 'column that holds the profile''s key; rows where it is NULL are ignored';
COMMENT ON COLUMN segment.source.at IS 'column that holds the time of an event; NULL for an attribute source';
COMMENT ON COLUMN segment.source.filter IS 'which rows of the table are rows of the source; NULL: all';
SELECT pg_catalog.pg_extension_config_dump('segment.source', '');
GRANT SELECT ON segment.source TO PUBLIC;
