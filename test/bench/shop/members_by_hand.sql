-- Are the members of an audience those for whom a condition is true in table
-- by_hand, and as many as segment says?  An error if not.
CREATE OR REPLACE FUNCTION pg_temp.must_be_members(audience name, condition text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    by_hand text;
    by_segment text;
BEGIN
    EXECUTE format('SELECT count(*) || '' '' || coalesce(md5(string_agg(customer_id::text, '','' ORDER BY customer_id)), '''') FROM by_hand WHERE %s', condition)
        INTO by_hand;
    SELECT segment.size(audience) || ' ' || coalesce(md5(string_agg(customer_id::text, ',' ORDER BY customer_id)), '')
        INTO by_segment
        FROM segment.members(audience) AS m(customer_id bigint);
    IF by_hand IS DISTINCT FROM by_segment THEN
        RAISE EXCEPTION 'audience "%" has other members than by hand: %', audience, condition
            USING DETAIL = format('By hand %s, by segment %s.', by_hand, by_segment);
    END IF;
END
$$;
