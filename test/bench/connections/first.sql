-- the first event of this connection, and then what the connection holds; what
-- is segment's are the contexts that say so in their name
\timing on
INSERT INTO orders (customer_id, ordered_at, amount, discount, items, status, channel, store)
VALUES (:customer, timestamptz '2027-01-01 00:00+00' + make_interval(secs => :second), 4.50, 0, 2, 'paid', 'app', 'store 7');
\timing off
SELECT 'memory', sum(total_bytes) / 1024, sum(used_bytes) / 1024,
    coalesce(sum(total_bytes) FILTER (WHERE name LIKE 'segment%'), 0) / 1024
FROM pg_backend_memory_contexts;
