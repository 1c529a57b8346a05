CREATE OR REPLACE FUNCTION segment.mock_price(name)
RETURNS numeric
LANGUAGE sql VOLATILE
AS 'SELECT price FROM segment.mock WHERE name = $1';
COMMENT ON FUNCTION segment.mock_price(name) IS
    'price of what is sold';

CREATE OR REPLACE FUNCTION segment.mock_gone()
RETURNS integer
LANGUAGE sql IMMUTABLE
AS 'SELECT 1';
COMMENT ON FUNCTION segment.mock_gone() IS
    'a function that is dropped';

CREATE OR REPLACE VIEW segment.mock_list AS
SELECT name, price FROM segment.mock;
ALTER VIEW segment.mock_list OWNER TO @extowner@;
COMMENT ON VIEW segment.mock_list IS 'what is sold';
