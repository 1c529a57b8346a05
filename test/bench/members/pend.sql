-- A thousandth of the customers changes: sizes while that waits to be folded,
-- the fold, and sizes after it, each beside naive SQL over the customers.
CREATE FUNCTION pg_temp.size_took(executions integer, OUT took float8) LANGUAGE plpgsql AS $$
DECLARE
    a record;
    by_hand bigint;
    by_segment bigint;
    begun timestamptz;
    times float8[];
BEGIN
    FOR a IN SELECT name, filter FROM audience WHERE audience % 10 = 0 ORDER BY audience LOOP
        EXECUTE format('SELECT count(*) FROM customers WHERE %s', a.filter) INTO by_hand;
        FOR execution IN 1 .. executions LOOP
            begun := clock_timestamp();
            EXECUTE format('SELECT segment.size(%L)', a.name) INTO by_segment;
            times := times || extract(epoch FROM clock_timestamp() - begun)::float8 * 1e6;
        END LOOP;
        IF by_hand <> by_segment THEN
            RAISE EXCEPTION 'audience % has % members by hand, % by segment', a.name, by_hand, by_segment;
        END IF;
    END LOOP;
    took := (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(times) AS t);
END
$$;

UPDATE customers SET points = (points + 499979) % 1000000, visits = (visits + 299993) % 1000000
WHERE customer_id % 1000 = 1;
SELECT took AS took_before FROM pg_temp.size_took(:executions) \gset
SELECT clock_timestamp() AS begun \gset
SELECT sum(folded) AS folded FROM segment.tick() \gset
SELECT extract(epoch FROM clock_timestamp() - :'begun') * 1e6 AS tick_took \gset
SELECT took AS took_after FROM pg_temp.size_took(:executions) \gset
SELECT format('size, with %s changes not yet folded', :'folded'), :took_before
UNION ALL SELECT 'tick(), which folds them', :tick_took
UNION ALL SELECT 'size, when they are folded', :took_after;
