-- All rows with all ten columns, from the table and from the view: their sums,
-- and the rows as they would be sent to a client.
SET max_parallel_workers_per_gather = 0;
\ir ../compare.sql

SELECT what, '', c.*
FROM (VALUES
    ('sums', 'SELECT sum(orders_7d) + sum(orders_30d) + sum(orders_90d) + sum(orders_365d) + sum(items_30d)
        + sum(items_90d) + sum(items_365d) + sum(items_before) + sum(items_month) + sum(most_items) FROM %s AS p'),
    ('rows', 'SELECT sum(length(p::text)) FROM %s AS p')) AS q(what, query),
    pg_temp.compare(format(query, 'plain'), format(query, 'profile'), :executions) AS c;
