-- A hundred audiences over the traits of windows.sql: fifty of shop/audiences.sql,
-- as many of each kind as there, that mention none of the ten that went; and
-- fifty that depend on the clock, ten kinds with five thresholds each.  What a
-- filter says of time is said in SQL beside it.
ALTER TABLE audience RENAME TO of_shop;
CREATE TABLE audience AS
WITH clockless AS (
    SELECT filter, row_number() OVER (PARTITION BY audience % 10 ORDER BY audience) AS nth
    FROM of_shop
    WHERE filter !~ 'paid_count|app_count|revenue|refunded|total_discount|total_items|average_items|smallest|most_items'
),
kind (filter, condition) AS (
    VALUES
    ('orders_7d >= %1$s', NULL),
    ('spend_90d > %3$s', NULL),
    ('spend_30d * %1$s < spend_before', NULL),
    ('orders_365d > %2$s and average_90d < 11', NULL),
    ('biggest_365d > 17 and app_14d and items_month >= %2$s', NULL),
    ('count(orders in last 30 days) >= %1$s',
     'orders_30d >= %1$s'),
    ('last_order_at in last %2$s days',
     'last_order_at > now - interval ''%2$s days'' and last_order_at <= now'),
    ('last_order_at more than %3$s days ago',
     'last_order_at < now - interval ''%3$s days'''),
    ('last_order_at more than 30 days ago and total_spend > %4$s',
     'last_order_at < now - interval ''30 days'' and total_spend > %4$s'),
    ('anniversary of born in next %2$s days',
     'exists (select from generate_series(0, 1) as next where (born + make_interval(years =>
        (extract(year from now) - extract(year from born))::integer + next))::date - now::date between 1 and %2$s)')
),
both_halves AS (
    SELECT filter, filter AS condition FROM clockless WHERE nth <= 5
    UNION ALL
    SELECT format(filter, n, 7 * n, 20 * n, 100 * n), format(coalesce(condition, filter), n, 7 * n, 20 * n, 100 * n)
    FROM kind, generate_series(1, 5) AS n
)
SELECT number AS audience, ('audience_' || number)::name AS name, filter, condition
FROM (SELECT row_number() OVER () AS number, * FROM both_halves) AS a;
