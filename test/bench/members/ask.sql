-- each question by hand and by segment
\ir ../compare.sql

SELECT 'size', audience, c.*
FROM audience, pg_temp.compare(
    format('SELECT count(*) FROM member WHERE audience = %s', audience),
    format('SELECT segment.size(%L)', name), :executions) AS c
ORDER BY audience;

-- how many are in both of two, of 25 pairs of all sizes
SELECT 'overlap', a.audience || ' ' || b.audience, c.*
FROM audience a JOIN audience b ON b.audience = a.audience * 37 % 100 + 1, pg_temp.compare(
    format('SELECT count(*) FROM member a JOIN member b USING (customer_id) WHERE a.audience = %s AND b.audience = %s',
        a.audience, b.audience),
    format('SELECT o.in_both FROM segment.overlap(%L, %L) AS o', a.name, b.name), :executions) AS c
WHERE a.audience % 4 = 0
ORDER BY a.audience;
