-- what once was: a table, a type and functions that later versions change
CREATE TABLE segment.mock (
    name name PRIMARY KEY,
    price numeric
);
ALTER TABLE segment.mock OWNER TO @extowner@;
COMMENT ON TABLE segment.mock IS 'what is sold';
COMMENT ON COLUMN segment.mock.name IS 'name of what is sold';
COMMENT ON COLUMN segment.mock.price IS 'price';
SELECT pg_catalog.pg_extension_config_dump('segment.mock', '');
GRANT SELECT, INSERT ON segment.mock TO PUBLIC;

CREATE TYPE segment.mock_size AS ENUM ('small', 'large');
COMMENT ON TYPE segment.mock_size IS 'size of what is sold';
