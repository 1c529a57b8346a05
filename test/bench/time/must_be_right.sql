-- All traits and all members by segment and by hand, from the orders, at one
-- instant: they must be the same, and as many as segment says.
BEGIN;
CREATE TEMPORARY TABLE by_segment ON COMMIT DROP AS SELECT * FROM profile;
CREATE TEMPORARY TABLE by_hand ON COMMIT DROP AS SELECT * FROM naive_now;
DO $$
DECLARE
    t record;
    a record;
    differ bigint;
    by_hand text;
    by_segment text;
BEGIN
    FOR t IN SELECT trait FROM segment.trait LOOP
        EXECUTE format('SELECT count(*) FROM by_segment s FULL JOIN by_hand h USING (customer_id) WHERE s.%1$I IS DISTINCT FROM h.%1$I', t.trait)
            INTO differ;
        IF differ > 0 THEN
            RAISE EXCEPTION 'trait "%" differs from that by hand, for % customers', t.trait, differ;
        END IF;
    END LOOP;
    FOR a IN SELECT b.name, b.filter, b.condition FROM audience b JOIN segment.audience s ON b.name = s.audience LOOP
        EXECUTE format('SELECT count(*) || '' '' || coalesce(md5(string_agg(customer_id::text, '','' ORDER BY customer_id)), '''') FROM by_hand WHERE %s', a.condition)
            INTO by_hand;
        SELECT segment.size(a.name) || ' ' || coalesce(md5(string_agg(customer_id::text, ',' ORDER BY customer_id)), '')
            INTO by_segment
            FROM segment.members(a.name) AS m(customer_id bigint);
        IF by_hand IS DISTINCT FROM by_segment THEN
            RAISE EXCEPTION 'audience "%" has other members than by hand: %', a.name, a.filter
                USING DETAIL = format('By hand %s, by segment %s.', by_hand, by_segment);
        END IF;
    END LOOP;
END
$$;
COMMIT;
