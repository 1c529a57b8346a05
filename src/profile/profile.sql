-- one row per population; no table of definitions has a foreign key, as
-- pg_restore -j loads the tables of an extension in any order
CREATE TABLE segment.population (
    population name PRIMARY KEY,
    key name NOT NULL,
    key_type regtype NOT NULL,
    timezone text NOT NULL,
    base regclass NOT NULL UNIQUE,
    view regclass NOT NULL UNIQUE
);
ALTER TABLE segment.population OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.population
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.create_population() and segment.drop_population()');
COMMENT ON TABLE segment.population IS 'populations: sets of profiles with one key';
COMMENT ON COLUMN segment.population.population IS 'name of the population';
COMMENT ON COLUMN segment.population.key IS 'name of the key column in the view';
COMMENT ON COLUMN segment.population.key_type IS 'type of the key';
COMMENT ON COLUMN segment.population.timezone IS 'time zone in which days, weeks, months and dates are understood';
COMMENT ON COLUMN segment.population.base IS 'base table: one row per profile, stored traits';
COMMENT ON COLUMN segment.population.view IS 'view that shows the profiles and their traits';
SELECT pg_catalog.pg_extension_config_dump('segment.population', '');
GRANT SELECT ON segment.population TO PUBLIC;
