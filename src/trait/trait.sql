-- one row per named trait
CREATE TABLE segment.trait (
    population name NOT NULL,
    trait name NOT NULL,
    position integer NOT NULL,
    definition text NOT NULL,
    description text,
    PRIMARY KEY (population, trait)
);
ALTER TABLE segment.trait OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.trait
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.create_trait(), segment.alter_trait() and segment.drop_trait()');
COMMENT ON TABLE segment.trait IS 'traits: named, typed properties of the profiles of a population';
COMMENT ON COLUMN segment.trait.population IS 'name of the population';
COMMENT ON COLUMN segment.trait.trait IS 'name of the trait, a column of the population''s view';
COMMENT ON COLUMN segment.trait.position IS 'order of the columns in the view';
COMMENT ON COLUMN segment.trait.definition IS 'definition in the filter language, canonical';
COMMENT ON COLUMN segment.trait.description IS 'meaning of the trait, in words for people';

-- one row per trait that has columns of its own in the base table
CREATE TABLE segment.stored_trait (
    population name NOT NULL,
    stored name NOT NULL,
    source name NOT NULL,
    definition text NOT NULL,
    value_type regtype,
    build integer,
    PRIMARY KEY (population, stored)
);
ALTER TABLE segment.stored_trait OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.stored_trait
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.create_trait(), segment.alter_trait() and segment.drop_trait()');
COMMENT ON TABLE segment.stored_trait IS 'stored traits: aggregates and attributes that events keep up to date, shared by the traits and audiences that use them';
COMMENT ON COLUMN segment.stored_trait.population IS 'name of the population';
COMMENT ON COLUMN segment.stored_trait.stored IS 'name of the stored trait''s first column in the base table';
COMMENT ON COLUMN segment.stored_trait.source IS 'name of the source whose rows the stored trait reads';
COMMENT ON COLUMN segment.stored_trait.definition IS 'definition in the filter language, canonical';
COMMENT ON COLUMN segment.stored_trait.value_type IS 'type of the values that are aggregated; NULL where rows are counted';
COMMENT ON COLUMN segment.stored_trait.build IS 'number of the build that fills the columns of the stored trait; NULL when they are filled';
SELECT pg_catalog.pg_extension_config_dump('segment.trait', '');
SELECT pg_catalog.pg_extension_config_dump('segment.stored_trait', '');
GRANT SELECT ON segment.trait, segment.stored_trait TO PUBLIC;
