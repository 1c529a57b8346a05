-- Each question by hand and by segment, by turns.  It is asked twice, and the
-- second time counts: neither pays for the processor's caches, which the other
-- has filled with what it needs.
CREATE FUNCTION pg_temp.ask(query text, OUT answer bigint, OUT took float8) LANGUAGE plpgsql AS $$
DECLARE
    begun timestamptz;
BEGIN
    EXECUTE query INTO answer;
    begun := clock_timestamp();
    EXECUTE query INTO answer;
    took := extract(epoch FROM clock_timestamp() - begun) * 1e6;
END
$$;

-- the medians of so many executions of each; the first is not counted
CREATE FUNCTION pg_temp.compare(by_hand text, by_segment text, executions integer,
    OUT answer bigint, OUT hand_took float8, OUT segment_took float8) LANGUAGE plpgsql AS $$
DECLARE
    hand record;
    segment record;
    hand_times float8[];
    segment_times float8[];
BEGIN
    FOR execution IN 0 .. executions LOOP
        hand := pg_temp.ask(by_hand);
        segment := pg_temp.ask(by_segment);
        IF hand.answer IS DISTINCT FROM segment.answer THEN
            RAISE EXCEPTION 'the answers differ: % by hand, % by segment', hand.answer, segment.answer
                USING DETAIL = by_segment;
        END IF;
        IF execution > 0 THEN
            hand_times := hand_times || hand.took;
            segment_times := segment_times || segment.took;
        END IF;
    END LOOP;
    answer := hand.answer;
    hand_took := (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(hand_times) AS t);
    segment_took := (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(segment_times) AS t);
END
$$;
