-- The events, as a file: the same on every machine.  Each has an instant of
-- its own, and within a thousand they come out of order, as events do.
COPY (
    SELECT e AS order_id,
        1 + (hashint8extended(e, 1) & 2147483647) % :profiles AS customer_id,
        timestamptz '2025-01-01 00:00+00'
            + make_interval(secs => 30 * (e / 1000 * 1000 + e * bigint '389' % 1000)) AS ordered_at,
        (250 + (hashint8extended(e, 2) & 2147483647) % 1750) / 100.0 AS amount,
        CASE WHEN hashint8extended(e, 3) & 15 = 0 THEN 'refunded' ELSE 'paid' END AS status,
        (ARRAY['espresso', 'cappuccino', 'flat white', 'filter', 'cortado'])
            [1 + (hashint8extended(e, 4) & 2147483647) % 5] AS drink
    FROM generate_series(1, :events) AS e
) TO :'file';
