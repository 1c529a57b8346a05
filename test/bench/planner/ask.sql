-- each query over the tables and over the views
\ir ../compare.sql

CREATE FUNCTION pg_temp.expected(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END
$$;

SELECT q.name, c.answer, pg_temp.expected(replace(q.query, '@', 'public.')), c.hand_took, c.segment_took
FROM (VALUES
    (1, 'ten', 'SELECT * FROM @ten'),
    (2, '2 %', 'SELECT * FROM @few'),
    (3, '80 %', 'SELECT * FROM @most'),
    (4, 'ten, joined with their rows', 'SELECT * FROM @ten JOIN customers USING (customer_id)'),
    (5, '2 %, joined', 'SELECT * FROM @few JOIN customers USING (customer_id)'),
    (6, '80 %, joined', 'SELECT * FROM @most JOIN customers USING (customer_id)'),
    (7, 'two of ten, joined', 'SELECT * FROM @ten JOIN @other_ten USING (customer_id)'),
    (8, 'two, ten and 80 %, joined', 'SELECT * FROM @ten JOIN @most USING (customer_id)'),
    (9, 'LIMIT 10 of 80 %', 'SELECT * FROM @most LIMIT 10'),
    (10, 'one key of 80 %', 'SELECT * FROM @most WHERE customer_id = 17'),
    (11, 'EXISTS, of a city', 'SELECT * FROM customers c WHERE city = ''city 7''
        AND EXISTS (SELECT FROM @most AS m WHERE m.customer_id = c.customer_id)'),
    (12, 'NOT EXISTS', 'SELECT * FROM customers c
        WHERE NOT EXISTS (SELECT FROM @most AS m WHERE m.customer_id = c.customer_id)')
) AS q (n, name, query),
    pg_temp.compare(format('SELECT count(*) FROM (%s) AS q', replace(q.query, '@', 'by_hand.')),
        format('SELECT count(*) FROM (%s) AS q', replace(q.query, '@', 'public.')), :executions) AS c
ORDER BY q.n;
