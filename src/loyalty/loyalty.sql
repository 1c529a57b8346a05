-- one row per loyalty program
CREATE TABLE segment.program (
    population name NOT NULL,
    program name NOT NULL,
    unit text NOT NULL,
    expires text NOT NULL,
    pending text NOT NULL,
    rounding text NOT NULL,
    returns text NOT NULL,
    bonus bigint NOT NULL,
    description text,
    member regclass NOT NULL,
    movement regclass NOT NULL,
    lot regclass NOT NULL,
    entry regclass NOT NULL,
    hold regclass NOT NULL,
    PRIMARY KEY (population, program)
);
ALTER TABLE segment.program OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.program
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.create_program(), segment.alter_program() and segment.drop_program()');
COMMENT ON TABLE segment.program IS 'loyalty programs: units of value that customers collect and spend';
COMMENT ON COLUMN segment.program.population IS 'name of the population';
COMMENT ON COLUMN segment.program.program IS 'name of the program, with which its sources and traits begin';
COMMENT ON COLUMN segment.program.unit IS 'what is collected: points, stamps, cents';
COMMENT ON COLUMN segment.program.expires IS 'until when it is good, from when it is active on';
COMMENT ON COLUMN segment.program.pending IS 'how long after it was earned it becomes active';
COMMENT ON COLUMN segment.program.rounding IS 'what becomes of a part of one: down, nearest or up';
COMMENT ON COLUMN segment.program.returns IS 'what becomes of what is taken back after it was spent: debt, forgive or pending only';
COMMENT ON COLUMN segment.program.bonus IS 'how much a customer gets who joins for the first time';
COMMENT ON COLUMN segment.program.description IS 'what the owner of the population says of it';
COMMENT ON COLUMN segment.program.member IS 'table of the members: who joined, and when';
COMMENT ON COLUMN segment.program.movement IS 'table of the movements: what somebody did; rights on it are rights to use the program';
COMMENT ON COLUMN segment.program.lot IS 'table of the lots: grants, with what is left of them';
COMMENT ON COLUMN segment.program.entry IS 'table of the entries: what a movement adds to a balance and takes from it, and when';
COMMENT ON COLUMN segment.program.hold IS 'table of the holds: what is set aside until it is settled';
SELECT pg_catalog.pg_extension_config_dump('segment.program', '');
GRANT SELECT ON segment.program TO PUBLIC;
