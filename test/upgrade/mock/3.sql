CREATE TABLE segment.mock (
    name name PRIMARY KEY,
    price numeric NOT NULL DEFAULT 1 CHECK (price > 0),
    note text NOT NULL DEFAULT 'none'
);
ALTER TABLE segment.mock OWNER TO @extowner@;
CREATE INDEX mock_by_price ON segment.mock (price) WHERE price > 1;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.mock
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('nobody');
CREATE POLICY mock_cheap ON segment.mock FOR SELECT USING (price < 100);
ALTER TABLE segment.mock ENABLE ROW LEVEL SECURITY;
COMMENT ON TABLE segment.mock IS 'what is sold, and for how much';
COMMENT ON COLUMN segment.mock.name IS 'name of what is sold';
COMMENT ON COLUMN segment.mock.price IS 'price';
COMMENT ON COLUMN segment.mock.note IS 'note for people';
SELECT pg_catalog.pg_extension_config_dump('segment.mock', 'WHERE price > 1');
GRANT SELECT ON segment.mock TO PUBLIC;

CREATE TABLE segment.mock_order (
    name name REFERENCES segment.mock,
    number bigint GENERATED ALWAYS AS IDENTITY
);
ALTER TABLE segment.mock_order OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.mock_order
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('nobody');
COMMENT ON TABLE segment.mock_order IS 'what was sold';
COMMENT ON COLUMN segment.mock_order.name IS 'name of what was sold';
COMMENT ON COLUMN segment.mock_order.number IS 'number of the order';

CREATE TYPE segment.mock_size AS ENUM ('small', 'large', 'huge');
COMMENT ON TYPE segment.mock_size IS 'size of what is sold';

CREATE FUNCTION segment.mock_cheaper(segment.mock_size, segment.mock_size)
RETURNS boolean
LANGUAGE sql IMMUTABLE
AS 'SELECT $1 < $2';
COMMENT ON FUNCTION segment.mock_cheaper(segment.mock_size, segment.mock_size) IS
    'is the first smaller?';
CREATE OPERATOR segment.<< (
    LEFTARG = segment.mock_size, RIGHTARG = segment.mock_size,
    FUNCTION = segment.mock_cheaper
);

CREATE OPERATOR CLASS segment.mock_ops FOR TYPE text USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 bttextcmp(text, text);

CREATE FUNCTION segment.mock_number(segment.mock_size)
RETURNS integer
LANGUAGE sql IMMUTABLE
AS 'SELECT 1';
COMMENT ON FUNCTION segment.mock_number(segment.mock_size) IS
    'size as a number';
CREATE CAST (segment.mock_size AS integer) WITH FUNCTION segment.mock_number(segment.mock_size);
