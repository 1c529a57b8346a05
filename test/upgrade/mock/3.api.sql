-- another body, volatility and comment, and a default
CREATE OR REPLACE FUNCTION segment.mock_price(name DEFAULT 'tea')
RETURNS numeric
LANGUAGE sql STABLE PARALLEL SAFE
AS 'SELECT p.price FROM segment.mock p WHERE p.name = $1';
COMMENT ON FUNCTION segment.mock_price(name) IS
    'price, if it is sold';

-- a column less: the step drops the view first
CREATE OR REPLACE VIEW segment.mock_list AS
SELECT name FROM segment.mock;
ALTER VIEW segment.mock_list OWNER TO @extowner@;
COMMENT ON VIEW segment.mock_list IS 'names of what is sold';
GRANT SELECT ON segment.mock_list TO PUBLIC;
