-- The script runs as superuser: no name in it may be found by chance.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- Tables, views and schemas belong to whoever installs the extension, who need
-- not be a superuser: so nothing that we do with them has a superuser's rights.
-- Each is handed over where it is made, before anything is granted on it.
-- A schema that is there already is somebody's, and may hold what he prepared:
-- then this is where it ends.
CREATE SCHEMA segment AUTHORIZATION @extowner@;
COMMENT ON SCHEMA segment IS
    'functions, types, definitions and feed of extension segment';

-- where the base tables of populations live; they belong to those who define them
CREATE SCHEMA segment_data AUTHORIZATION @extowner@;
COMMENT ON SCHEMA segment_data IS
    'tables of the populations of extension segment: profiles, and members of audiences';
GRANT USAGE ON SCHEMA segment TO PUBLIC;
GRANT USAGE ON SCHEMA segment_data TO PUBLIC;
