-- One event after the other, each a transaction of its own: how many filters
-- did segment evaluate for one, and how many memberships did one change?
SELECT segment.tick() \g /dev/null
SELECT set_config('bench.events', :'events', false), set_config('bench.profiles', :'profiles', false) \g /dev/null
SELECT segment.filters_evaluated() AS before \gset
DO $$
DECLARE
    profiles CONSTANT bigint := current_setting('bench.profiles');
    customer bigint;
BEGIN
    FOR e IN 1 .. current_setting('bench.events')::integer LOOP
        customer := 1 + (hashint8extended(e, 9) & 2147483647) % profiles;
        INSERT INTO orders (customer_id, ordered_at, amount, discount, items, status, channel, store)
        VALUES (customer, timestamptz '2026-12-01 00:00+00' + make_interval(secs => e),
            (250 + e * 389 % 1751) / 100.0, e % 100 / 100.0, 1 + e % 5,
            CASE WHEN e % 16 = 0 THEN 'refunded' ELSE 'paid' END,
            (ARRAY['till', 'app', 'web'])[1 + e % 3],
            'store ' || CASE WHEN e % 17 = 0 THEN e ELSE customer * 7919 END % 500);
        COMMIT;
    END LOOP;
END
$$;
SELECT (segment.filters_evaluated() - :before)::numeric / :events,
    (SELECT sum(folded) / :events FROM segment.tick());
