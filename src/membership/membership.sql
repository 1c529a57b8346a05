-- one row per population that has ever had an audience
CREATE TABLE segment.membership (
    population name PRIMARY KEY,
    chunks regclass NOT NULL,
    toggles regclass NOT NULL,
    last_definition_id integer NOT NULL DEFAULT 0,
    decided_at timestamptz NOT NULL DEFAULT '-infinity'
);
ALTER TABLE segment.membership OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.membership
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.create_audience(), segment.alter_audience() and segment.drop_audience()');
COMMENT ON TABLE segment.membership IS 'where the members of the audiences of each population are stored';
COMMENT ON COLUMN segment.membership.population IS 'name of the population';
COMMENT ON COLUMN segment.membership.chunks IS 'table of bitmaps: one row per definition and 131,072 profiles, a version byte and a roaring bitmap in portable format';
COMMENT ON COLUMN segment.membership.toggles IS 'table of the profiles that entered or left since the last fold';
COMMENT ON COLUMN segment.membership.last_definition_id IS 'the highest definition_id that has been assigned';
COMMENT ON COLUMN segment.membership.decided_at IS 'instant as of which a definition last decided the membership of all profiles';
SELECT pg_catalog.pg_extension_config_dump('segment.membership', '');
GRANT SELECT ON segment.membership TO PUBLIC;
