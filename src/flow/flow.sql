-- one row per population that has had a build
CREATE TABLE segment.build (
    population name PRIMARY KEY,
    number integer NOT NULL,
    command text NOT NULL,
    request text NOT NULL,
    phase text NOT NULL,
    done bigint NOT NULL DEFAULT 0,
    total bigint NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL,
    phase_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    pid integer NOT NULL
);
ALTER TABLE segment.build OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.build
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.create_traits_concurrently(), segment.create_audience_concurrently(), other procedures whose names end in concurrently, and segment.abandon_build()');
COMMENT ON TABLE segment.build IS 'the last build of each population; view segment.progress shows it';
COMMENT ON COLUMN segment.build.population IS 'name of the population';
COMMENT ON COLUMN segment.build.number IS 'number of the build: 1, 2, 3 ... in each population';
COMMENT ON COLUMN segment.build.command IS 'procedure that builds';
COMMENT ON COLUMN segment.build.request IS 'what is built';
COMMENT ON COLUMN segment.build.phase IS 'adding profiles, reading sources, writing profiles, writing changed profiles, removing profiles, completing, noting times, deciding members, done or abandoned';
COMMENT ON COLUMN segment.build.done IS 'number of profiles that the phase has written';
COMMENT ON COLUMN segment.build.total IS 'number of profiles that the phase has to write';
COMMENT ON COLUMN segment.build.started_at IS 'time at which the build began';
COMMENT ON COLUMN segment.build.phase_at IS 'time at which the phase began';
COMMENT ON COLUMN segment.build.updated_at IS 'time of the last progress';
COMMENT ON COLUMN segment.build.pid IS 'process that builds, or did';
SELECT pg_catalog.pg_extension_config_dump('segment.build', '');
GRANT SELECT ON segment.build TO PUBLIC;
