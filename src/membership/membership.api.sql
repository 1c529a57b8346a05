-- What the views of audiences are made of, with segment.definition_id().
CREATE OR REPLACE FUNCTION segment.ords(
    chunks bigint[],
    members bytea[],
    toggled bigint[])
RETURNS SETOF bigint
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 10000
AS 'MODULE_PATHNAME', 'segment_ords';
COMMENT ON FUNCTION segment.ords(bigint[], bytea[], bigint[]) IS
    'numbers of the profiles that are either in the bitmaps or toggled, but not both; ascending';
