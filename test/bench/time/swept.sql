-- The members of both audiences must be those of naive SQL, and the feed must
-- tell of each customer once, at the very instant.
SET segment.now = :'clock';
SELECT set_config('bench.clock', :'clock', false) \g /dev/null
DO $$
DECLARE
    audience name;
    differ bigint;
BEGIN
    FOREACH audience IN ARRAY ARRAY['lapsed', 'keen'] LOOP
        EXECUTE format('SELECT count(*) FROM %I(%L) AS h(customer_id)
            FULL JOIN segment.members(%1$L) AS m(customer_id bigint) USING (customer_id)
            WHERE h.customer_id IS NULL OR m.customer_id IS NULL', audience, current_setting('bench.clock'))
            INTO differ;
        IF differ > 0 THEN
            RAISE EXCEPTION 'audience "%" has other members than by hand: % differ', audience, differ;
        END IF;
    END LOOP;

    SELECT count(*) INTO differ
    FROM (
        SELECT customer_id::text AS key, 'lapsed' AS audience, 'entered' AS change,
            max(ordered_at) + interval '60 days' + interval '1 microsecond' AS at
        FROM orders WHERE customer_id % 2 = 1 GROUP BY customer_id
        UNION ALL
        SELECT customer_id::text, 'keen', 'left', min(ordered_at) + interval '30 days'
        FROM orders WHERE customer_id % 2 = 0 GROUP BY customer_id
    ) AS h
    FULL JOIN (SELECT * FROM segment.transition WHERE cause = 'time') AS t USING (key, audience, change, at)
    WHERE h.key IS NULL OR t.seq IS NULL;
    IF differ > 0 THEN
        RAISE EXCEPTION 'the feed tells otherwise than by hand: % differ', differ;
    END IF;
END
$$;
SELECT count(*) FROM segment.transition WHERE cause = 'time';
