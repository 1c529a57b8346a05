-- A year of history until now, as a file.  The first customer has ordered ten
-- times, the last one fifty times, and the others are spread evenly between.
-- The rest is as in shop/orders.sql.
COPY (
    SELECT customer_id,
        now() - dice[1] / 2147483648.0 * interval '365 days' - nth * interval '1 microsecond' AS ordered_at,
        (250 + dice[2] % 1750) / 100.0 AS amount,
        (dice[3] % 100) / 100.0 AS discount,
        1 + dice[4] % 5 AS items,
        CASE WHEN dice[5] % 16 = 0 THEN 'refunded' ELSE 'paid' END AS status,
        (ARRAY['till', 'app', 'web'])[1 + dice[6] % 3] AS channel,
        'store ' || CASE WHEN dice[7] % 16 = 0 THEN dice[8] ELSE customer_id * 7919 END % 500 AS store
    FROM generate_series(1, :profiles::bigint) AS customer_id,
        generate_series(1, 10 + 40 * customer_id / :profiles) AS nth,
        LATERAL (SELECT ARRAY(SELECT hashint8extended(64 * customer_id + nth, n) & 2147483647
            FROM generate_series(1, 8) AS n)) AS d(dice)
    ORDER BY ordered_at
) TO :'file';
