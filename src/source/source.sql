-- one row per table attached to a population
CREATE TABLE segment.source (
    population name NOT NULL,
    source name NOT NULL,
    relation regclass NOT NULL,
    key name NOT NULL,
    at name,
    filter segment.filter,
    through name,
    key_link smallint NOT NULL DEFAULT 0,
    at_link smallint NOT NULL DEFAULT 0,
    build integer,
    table_name name NOT NULL,
    given name,
    PRIMARY KEY (population, source)
);
ALTER TABLE segment.source OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.source
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.attach_source() and segment.detach_source()');
COMMENT ON TABLE segment.source IS 'sources: tables that feed a population';
COMMENT ON COLUMN segment.source.population IS 'name of the population';
COMMENT ON COLUMN segment.source.source IS 'name of the source in filters and traits';
COMMENT ON COLUMN segment.source.relation IS 'the attached table';
COMMENT ON COLUMN segment.source.key IS 'column that holds the profile''s key; rows where it is NULL are ignored';
COMMENT ON COLUMN segment.source.at IS 'column that holds the time of an event; NULL for an attribute source';
COMMENT ON COLUMN segment.source.filter IS 'which rows of the table are rows of the source; NULL: all';
COMMENT ON COLUMN segment.source.through IS 'source whose rows are the parents of the rows; NULL: the rows have the key themselves';
COMMENT ON COLUMN segment.source.key_link IS 'number of the link in whose row the key is; 0: in the row itself';
COMMENT ON COLUMN segment.source.at_link IS 'number of the link in whose row the time is; 0: in the row itself';
COMMENT ON COLUMN segment.source.build IS 'number of the build that is attaching it, so that it cannot be used yet; NULL: it is attached';
COMMENT ON COLUMN segment.source.table_name IS 'name of the attached table, as far as we know';
COMMENT ON COLUMN segment.source.given IS 'name that the source was given, if it has followed its table since';
SELECT pg_catalog.pg_extension_config_dump('segment.source', '');
GRANT SELECT ON segment.source TO PUBLIC;

-- one row per table that a row of a source refers to: its parent, or a look-up;
-- and per column by which it does
CREATE TABLE segment.source_link (
    population name NOT NULL,
    source name NOT NULL,
    number smallint NOT NULL,
    link name NOT NULL,
    relation regclass NOT NULL,
    of_link smallint NOT NULL,
    of_column name NOT NULL,
    to_column name NOT NULL,
    look_up boolean NOT NULL,
    part smallint NOT NULL DEFAULT 1,
    PRIMARY KEY (population, source, number, part)
);
ALTER TABLE segment.source_link OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.source_link
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.attach_source() and segment.detach_source()');
COMMENT ON TABLE segment.source_link IS 'links: tables to which the rows of a source refer';
COMMENT ON COLUMN segment.source_link.population IS 'name of the population';
COMMENT ON COLUMN segment.source_link.source IS 'name of the source';
COMMENT ON COLUMN segment.source_link.number IS 'number of the link, from 1 on';
COMMENT ON COLUMN segment.source_link.link IS 'name of the link in filters and traits, as in orders.status';
COMMENT ON COLUMN segment.source_link.relation IS 'the table that is linked';
COMMENT ON COLUMN segment.source_link.of_link IS 'number of the link whose row refers to it; 0: the row of the source';
COMMENT ON COLUMN segment.source_link.of_column IS 'column that refers to it';
COMMENT ON COLUMN segment.source_link.to_column IS 'column of the linked table that is referred to; those of all pairs are unique together';
COMMENT ON COLUMN segment.source_link.look_up IS 'is it a look-up, rather than a parent?';
COMMENT ON COLUMN segment.source_link.part IS 'number of the pair of columns, from 1 on: rows agree in all pairs';
SELECT pg_catalog.pg_extension_config_dump('segment.source_link', '');
GRANT SELECT ON segment.source_link TO PUBLIC;
