-- Of the audiences there are, up to fifty: the members by segment and by hand,
-- from the orders, must be the same, and as many as segment says.
CREATE TEMPORARY TABLE by_hand AS SELECT * FROM naive;
DO $$
DECLARE
    a record;
    by_hand text;
    by_segment text;
BEGIN
    FOR a IN
        SELECT b.name, b.filter FROM audience b JOIN segment.audience s ON b.name = s.audience
        WHERE b.audience % (SELECT (count(*) + 49) / 50 FROM segment.audience) = 0
    LOOP
        EXECUTE format('SELECT count(*) || '' '' || coalesce(md5(string_agg(customer_id::text, '','' ORDER BY customer_id)), '''') FROM by_hand WHERE %s', a.filter)
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
