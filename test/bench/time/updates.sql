-- Orders so far, updates of the rows of profiles, and how many of them were
-- HOT.  A session has told of its own when it is gone.
DO $$
BEGIN
    WHILE EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pgbench') LOOP
        PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
    END LOOP;
END
$$;
SELECT o.n_tup_ins || ' ' || p.n_tup_upd || ' ' || p.n_tup_hot_upd
FROM pg_stat_all_tables o, pg_stat_all_tables p
WHERE o.relid = 'orders'::regclass AND p.relid = 'segment_data.profile'::regclass;
