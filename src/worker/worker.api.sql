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
    'state of the background workers, for view segment.stat_worker';

CREATE OR REPLACE VIEW segment.stat_worker AS
    SELECT database, pid, last_tick, wakeups, folded, last_error, last_error_at
    FROM segment.worker_status();
ALTER VIEW segment.stat_worker OWNER TO @extowner@;
COMMENT ON VIEW segment.stat_worker IS 'the background workers of all databases; no row if the library is not in shared_preload_libraries';
COMMENT ON COLUMN segment.stat_worker.database IS 'name of the database';
COMMENT ON COLUMN segment.stat_worker.pid IS 'process ID of the worker; NULL while there is none';
COMMENT ON COLUMN segment.stat_worker.last_tick IS 'instant at which the worker last swept and folded all populations';
COMMENT ON COLUMN segment.stat_worker.wakeups IS 'how often the worker woke up: once a minute while there is no event and no profile is due';
COMMENT ON COLUMN segment.stat_worker.folded IS 'number of changes that the worker moved into the stored members and the feed';
COMMENT ON COLUMN segment.stat_worker.last_error IS 'last error, shown in the worker''s own database only; the server''s log says more';
COMMENT ON COLUMN segment.stat_worker.last_error_at IS 'instant of the last error';
GRANT SELECT ON segment.stat_worker TO PUBLIC;
