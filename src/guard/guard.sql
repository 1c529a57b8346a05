-- The functions are C and have no rights of their own: they run as whoever runs
-- the statement.  Event triggers fire in the order of their names.
CREATE FUNCTION segment.guard_start()
RETURNS event_trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'segment_guard_start';
COMMENT ON FUNCTION segment.guard_start() IS
    'sees rows of partitions and unique indexes before they are dropped, and refuses to alter what is kept';

CREATE FUNCTION segment.guard_command()
RETURNS event_trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'segment_guard_command';
COMMENT ON FUNCTION segment.guard_command() IS
    'follows what a statement has renamed or altered';

CREATE FUNCTION segment.guard_drop()
RETURNS event_trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'segment_guard_drop';
COMMENT ON FUNCTION segment.guard_drop() IS
    'refuses to drop what definitions read';

CREATE FUNCTION segment.guard_rewrite()
RETURNS event_trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'segment_guard_rewrite';
COMMENT ON FUNCTION segment.guard_rewrite() IS
    'notes that a table is rewritten';

CREATE EVENT TRIGGER segment_guard_start ON ddl_command_start
    WHEN TAG IN ('ALTER TABLE', 'ALTER SCHEMA', 'ALTER SEQUENCE', 'CREATE INDEX', 'DROP INDEX', 'DROP TABLE',
        'DROP SCHEMA', 'DROP OWNED', 'DROP EXTENSION', 'DROP ACCESS METHOD', 'DROP TYPE', 'DROP FUNCTION',
        'DROP OPERATOR CLASS', 'DROP OPERATOR FAMILY')
    EXECUTE FUNCTION segment.guard_start();
COMMENT ON EVENT TRIGGER segment_guard_start IS
    'lets extension segment see rows and unique indexes before they are dropped, and keep what it needs';

CREATE EVENT TRIGGER segment_guard_command ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE SCHEMA', 'CREATE FOREIGN TABLE', 'ALTER TABLE', 'ALTER FOREIGN TABLE',
        'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER INDEX', 'ALTER TYPE', 'CREATE RULE')
    EXECUTE FUNCTION segment.guard_command();
COMMENT ON EVENT TRIGGER segment_guard_command IS
    'lets the definitions of extension segment follow what is renamed or altered';

CREATE EVENT TRIGGER segment_guard_drop ON sql_drop
    EXECUTE FUNCTION segment.guard_drop();
COMMENT ON EVENT TRIGGER segment_guard_drop IS
    'refuses to drop what the definitions of extension segment read';

CREATE EVENT TRIGGER segment_guard_rewrite ON table_rewrite
    EXECUTE FUNCTION segment.guard_rewrite();
COMMENT ON EVENT TRIGGER segment_guard_rewrite IS
    'notes that a table that the definitions of extension segment read is rewritten';
