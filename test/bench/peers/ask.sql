-- Each question by bitmap and by segment: a line "question|microseconds by
-- bitmap|by segment"; for "make" also how many members each of them made.
\ir ../compare.sql

SELECT 'size', sum(c.hand_took), sum(c.segment_took)
FROM audience, pg_temp.compare(
    format('SELECT rb_cardinality(members) FROM bitmap WHERE audience = %s', audience),
    format('SELECT segment.size(%L)', name), :executions) AS c;

SELECT 'overlap', sum(c.hand_took), sum(c.segment_took)
FROM audience a JOIN audience b ON b.audience = a.audience * 37 % 100 + 1, pg_temp.compare(
    format('SELECT rb_and_cardinality(a.members, b.members) FROM bitmap a, bitmap b WHERE a.audience = %s AND b.audience = %s',
        a.audience, b.audience),
    format('SELECT o.in_both FROM segment.overlap(%L, %L) AS o', a.name, b.name), :executions) AS c
WHERE a.audience % 4 = 0;

-- an audience of a tenth, made from its condition and undone again
CREATE FUNCTION pg_temp.make(statement text, executions integer, OUT members bigint, OUT took float8)
LANGUAGE plpgsql AS $$
DECLARE
    begun timestamptz;
    times float8[];
BEGIN
    FOR execution IN 0 .. executions LOOP
        begun := clock_timestamp();
        EXECUTE statement;
        IF execution > 0 THEN
            times := times || extract(epoch FROM clock_timestamp() - begun)::float8 * 1e6;
        END IF;
        IF statement LIKE '%create_audience%' THEN
            members := segment.size('made');
            PERFORM segment.drop_audience('made');
        ELSE
            members := (SELECT rb_cardinality(m.members) FROM bitmap m WHERE audience = 101);
            DELETE FROM bitmap WHERE audience = 101;
        END IF;
    END LOOP;
    took := (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(times) AS t);
END
$$;

SELECT 'make', b.took, s.took, b.members, s.members
FROM pg_temp.make($$INSERT INTO bitmap SELECT 101, rb_build_agg(customer_id::integer)
        FROM customers WHERE points < 100000$$, :executions) AS b,
    pg_temp.make($$SELECT segment.create_audience('made', 'points < 100000', view => false)$$, :executions) AS s;
