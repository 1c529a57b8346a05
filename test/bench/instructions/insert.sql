-- The statements of as many single-row INSERTs, each ended by an empty line,
-- as a server for one client reads them.
SELECT format($$INSERT INTO orders (customer_id, ordered_at, amount, discount, items, status, channel, store)
VALUES (%s, timestamptz '2026-01-02 00:00+00' + make_interval(secs => %s), %s, 0.25, %s, '%s', '%s', 'store %s');
$$,
    1 + n * 37 % :profiles, n, 2.5 + n % 17, 1 + n % 5,
    CASE WHEN n % 16 = 0 THEN 'refunded' ELSE 'paid' END,
    (ARRAY['till', 'app', 'web'])[1 + n % 3], n * 7919 % 500)
FROM generate_series(1, :inserts) AS n
ORDER BY n;
