-- Forgotten, this shows at: column price of table segment.mock
ALTER TABLE segment.mock ALTER COLUMN price SET NOT NULL, ALTER COLUMN price SET DEFAULT 1;

-- Forgotten, this shows at: table segment.mock
COMMENT ON TABLE segment.mock IS 'what is sold, and for how much';

-- Forgotten, this shows at: constraint mock_price_check on table segment.mock
ALTER TABLE segment.mock ADD CHECK (price > 0);

-- Forgotten, this shows at: index segment.mock_by_price
CREATE INDEX mock_by_price ON segment.mock (price) WHERE price > 1;

-- Forgotten, this shows at: trigger segment_read_only on table segment.mock
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.mock
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('nobody');

-- Forgotten, this shows at: policy mock_cheap on table segment.mock
CREATE POLICY mock_cheap ON segment.mock FOR SELECT USING (price < 100);

-- Forgotten, this shows at: table segment.mock
ALTER TABLE segment.mock ENABLE ROW LEVEL SECURITY;

-- Forgotten, this shows at: table segment.mock
REVOKE INSERT ON segment.mock FROM PUBLIC;

-- Forgotten, this shows at: type segment.mock_size
ALTER TYPE segment.mock_size ADD VALUE 'huge';

-- Forgotten, this shows at: the update fails
DROP VIEW segment.mock_list;

-- Forgotten, this shows at: table segment.mock_order
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

-- Forgotten, this shows at: extension segment
SELECT pg_catalog.pg_extension_config_dump('segment.mock', 'WHERE price > 1');

-- Forgotten, this shows at: operator segment.<<(segment.mock_size,segment.mock_size)
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

-- Forgotten, this shows at: operator class segment.mock_ops for access method btree
CREATE OPERATOR CLASS segment.mock_ops FOR TYPE text USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 bttextcmp(text, text);

-- Forgotten, this shows at: cast from segment.mock_size to integer
CREATE FUNCTION segment.mock_number(segment.mock_size)
RETURNS integer
LANGUAGE sql IMMUTABLE
AS 'SELECT 1';
COMMENT ON FUNCTION segment.mock_number(segment.mock_size) IS
    'size as a number';
CREATE CAST (segment.mock_size AS integer) WITH FUNCTION segment.mock_number(segment.mock_size);
