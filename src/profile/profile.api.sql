CREATE OR REPLACE FUNCTION segment.create_population(
    name name,
    key name DEFAULT 'customer_id',
    key_type text DEFAULT 'bigint',
    timezone text DEFAULT NULL)
RETURNS regclass
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_create_population';
COMMENT ON FUNCTION segment.create_population(name, name, text, text) IS
    'creates a population: a view of that name in the current schema, one row per profile; key_type is bigint, integer, numeric, uuid or text, or a type that is kept as one of these; timezone defaults to the session''s';
