CREATE OR REPLACE FUNCTION segment.now()
RETURNS timestamptz
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_now';
COMMENT ON FUNCTION segment.now() IS
    'the instant as of which traits and audiences are answered: the transaction''s start, or the setting segment.now';
