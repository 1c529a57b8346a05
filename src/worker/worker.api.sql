CREATE OR REPLACE FUNCTION segment.worker_status(
    OUT database name,
    OUT pid integer,
    OUT last_tick timestamptz,
    OUT wakeups bigint,
    OUT folded bigint,
    OUT last_error text,
    OUT last_error_at timestamptz)
RETURNS SETOF record
LANGUAGE C VOLATILE STRICT PARALLEL SAFE ROWS 10
AS 'MODULE_PATHNAME', 'segment_worker_status';
COMMENT ON FUNCTION segment.worker_status() IS
    'how the background workers are doing; what view segment.stat_worker shows';

CREATE OR REPLACE VIEW segment.stat_worker AS
    SELECT database, pid, last_tick, wakeups, folded, last_error, last_error_at
    FROM segment.worker_status();
ALTER VIEW segment.stat_worker OWNER TO @extowner@;
COMMENT ON VIEW segment.stat_worker IS 'the background workers of all databases; no row where the library is not in shared_preload_libraries';
COMMENT ON COLUMN segment.stat_worker.database IS 'name of the database';
COMMENT ON COLUMN segment.stat_worker.pid IS 'process of its worker; NULL while there is none';
COMMENT ON COLUMN segment.stat_worker.last_tick IS 'when it last swept and folded all populations';
COMMENT ON COLUMN segment.stat_worker.wakeups IS 'how often it woke up: once a minute while nothing happens and nobody is due';
COMMENT ON COLUMN segment.stat_worker.folded IS 'changes that it moved into the stored members and the feed';
COMMENT ON COLUMN segment.stat_worker.last_error IS 'what last went wrong, in this database; the server''s log says more';
COMMENT ON COLUMN segment.stat_worker.last_error_at IS 'when that was';
GRANT SELECT ON segment.stat_worker TO PUBLIC;
