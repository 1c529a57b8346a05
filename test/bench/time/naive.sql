-- The customers' birthdays, and what time it is: a server without segment has
-- this clock too.
CREATE TABLE customers (customer_id bigint PRIMARY KEY, born date NOT NULL);
INSERT INTO customers
SELECT customer_id, date '1950-01-01' + ((hashint8extended(customer_id, 9) & 2147483647) % 20000)::integer
FROM (SELECT DISTINCT customer_id FROM orders) AS o;

CREATE FUNCTION clock() RETURNS timestamptz LANGUAGE sql STABLE AS
$$SELECT coalesce(nullif(current_setting('segment.now', true), '')::timestamptz, now())$$;

-- all traits, from the events alone: those of shop/naive.sql, and the ten over
-- windows
CREATE VIEW naive_now AS
SELECT n.*, born, now,
    orders_7d, orders_30d, orders_365d,
    coalesce(spend_30d, 0) AS spend_30d, coalesce(spend_90d, 0) AS spend_90d,
    coalesce(spend_before, 0) AS spend_before, coalesce(items_month, 0) AS items_month,
    average_90d, biggest_365d, app_14d
FROM naive n JOIN customers USING (customer_id) JOIN (
    SELECT customer_id, now,
        count(*) FILTER (WHERE ordered_at > now - interval '7 days') AS orders_7d,
        count(*) FILTER (WHERE ordered_at > now - interval '30 days') AS orders_30d,
        count(*) FILTER (WHERE ordered_at > now - interval '365 days') AS orders_365d,
        sum(amount) FILTER (WHERE ordered_at > now - interval '30 days') AS spend_30d,
        sum(amount) FILTER (WHERE ordered_at > now - interval '90 days') AS spend_90d,
        sum(amount) FILTER (WHERE ordered_at > now - interval '60 days'
            AND ordered_at <= now - interval '30 days') AS spend_before,
        sum(items) FILTER (WHERE ordered_at >= date_trunc('month', now)) AS items_month,
        avg(amount) FILTER (WHERE ordered_at > now - interval '90 days') AS average_90d,
        max(amount) FILTER (WHERE ordered_at > now - interval '365 days') AS biggest_365d,
        count(*) FILTER (WHERE channel = 'app' AND ordered_at > now - interval '14 days') > 0 AS app_14d
    FROM orders, clock() AS now
    WHERE ordered_at <= now
    GROUP BY customer_id, now
) AS w USING (customer_id);
