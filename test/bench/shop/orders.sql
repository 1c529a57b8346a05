-- The events so far, as a file: the same on every machine.  The first customer
-- has ordered once or twice, the last one most often, and the others are
-- spread evenly between: so thresholds that are spread evenly give audiences
-- of every size.  One order in sixteen is refunded, and one in sixteen is
-- placed away from the customer's own store.
COPY (
    SELECT e AS order_id,
        customer_id,
        timestamptz '2025-01-01 00:00+00' + make_interval(secs => 30 * e) AS ordered_at,
        (250 + dice[2] % 1750) / 100.0 AS amount,
        (dice[3] % 100) / 100.0 AS discount,
        1 + dice[4] % 5 AS items,
        CASE WHEN dice[5] % 16 = 0 THEN 'refunded' ELSE 'paid' END AS status,
        (ARRAY['till', 'app', 'web'])[1 + dice[6] % 3] AS channel,
        'store ' || CASE WHEN dice[7] % 16 = 0 THEN dice[8] ELSE customer_id * 7919 END % 500 AS store
    FROM generate_series(1, :events) AS e,
        LATERAL (SELECT ARRAY(SELECT hashint8extended(e, n) & 2147483647
            FROM generate_series(1, 8) AS n)) AS d(dice),
        LATERAL (SELECT CASE WHEN e <= :profiles THEN e
            ELSE ceil(:profiles * sqrt((1 + dice[1]) / 2147483648.0))::bigint END) AS c(customer_id)
) TO :'file';
