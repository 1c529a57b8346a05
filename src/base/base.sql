-- The script runs as superuser: no name in it may be found by chance.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- where the base tables of populations live; they belong to those who define them
CREATE SCHEMA segment_data;
COMMENT ON SCHEMA segment_data IS
    'base tables of the populations of extension segment, one row per profile';
