-- What the views of audiences are made of, with segment.definition_id() and
-- segment.is_stored_member().
CREATE OR REPLACE FUNCTION segment.pack_members(
    chunks bigint[],
    members bytea[],
    toggled bigint[])
RETURNS bytea
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'segment_pack_members';
COMMENT ON FUNCTION segment.pack_members(bigint[], bytea[], bigint[]) IS
    'the profiles that are in the bitmaps or among those toggled, and not in both, as one value; NULL without a chunk -1, which says that members are stored';

CREATE OR REPLACE FUNCTION segment.is_toggled(
    toggles bytea,
    definition_id integer)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_is_toggled';
COMMENT ON FUNCTION segment.is_toggled(bytea, integer) IS
    'does the profile of that row of pending changes enter or leave the members of that definition?';

CREATE OR REPLACE FUNCTION segment.ords(members bytea)
RETURNS bigint[]
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'segment_ords';
COMMENT ON FUNCTION segment.ords(bytea) IS
    'numbers of the profiles that segment.pack_members() has packed, ascending';
