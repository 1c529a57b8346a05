CREATE OR REPLACE FUNCTION segment.now()
RETURNS timestamptz
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_now';
COMMENT ON FUNCTION segment.now() IS
    'the instant as of which traits and audiences are answered: the transaction''s start, or the setting segment.now';

CREATE OR REPLACE FUNCTION segment.refuse_write()
RETURNS trigger
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_refuse_write';
COMMENT ON FUNCTION segment.refuse_write() IS
    'trigger on the tables that the extension keeps: they are written by its functions and by events, and by nobody else; the argument says by which functions';
