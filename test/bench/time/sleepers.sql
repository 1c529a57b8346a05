-- Customers whom nothing but time moves: on 1 July each of them enters or
-- leaves one audience, one after the other through the day.
--
--      odd     last ordered sixty days before their instant    enter lapsed
--      even    ordered thirty days before it, and once since   leave keen
SET segment.now = '2026-07-01 00:00+00';
CREATE TABLE orders (customer_id bigint NOT NULL, ordered_at timestamptz NOT NULL);
INSERT INTO orders
SELECT customer_id, t.*
FROM generate_series(1, :profiles::bigint) AS customer_id,
    LATERAL (SELECT timestamptz '2026-07-01 00:00+00'
        + (1 + customer_id * 7919 % :profiles) * interval '1 day' / :profiles AS its_instant) AS i,
    LATERAL (SELECT CASE WHEN customer_id % 2 = 1 THEN its_instant - interval '60 days'
            ELSE its_instant - interval '30 days' END
        UNION ALL SELECT CASE WHEN customer_id % 2 = 1 THEN its_instant - interval '160 days'
            ELSE its_instant - interval '10 days' END) AS t;
CREATE INDEX ON orders (customer_id, ordered_at);

CREATE EXTENSION segment;
SELECT segment.create_population('profile', key => 'customer_id', key_type => 'bigint', timezone => 'UTC');
SELECT segment.attach_source('orders', key => 'customer_id', at => 'ordered_at');
SELECT segment.create_trait('last_order_at', 'max(orders.ordered_at)');
SELECT segment.create_audience('lapsed', 'last_order_at more than 60 days ago', view => false);
SELECT segment.create_audience('keen', 'count(orders in last 30 days) >= 2', view => false);

-- who is in them, by hand and at any time
CREATE FUNCTION lapsed(now timestamptz) RETURNS SETOF bigint LANGUAGE sql STABLE AS
$$SELECT customer_id FROM orders GROUP BY customer_id HAVING max(ordered_at) < now - interval '60 days'$$;
CREATE FUNCTION keen(now timestamptz) RETURNS SETOF bigint LANGUAGE sql STABLE AS
$$SELECT customer_id FROM orders WHERE ordered_at > now - interval '30 days' AND ordered_at <= now
    GROUP BY customer_id HAVING count(*) >= 2$$;
VACUUM ANALYZE;
