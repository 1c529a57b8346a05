-- All traits and all members by segment and by hand, from the orders, at one
-- instant: they must be the same, and as many as segment says.
\ir ../shop/members_by_hand.sql
BEGIN;
CREATE TEMPORARY TABLE by_segment ON COMMIT DROP AS SELECT * FROM profile;
CREATE TEMPORARY TABLE by_hand ON COMMIT DROP AS SELECT * FROM naive_now;
DO $$
DECLARE
    t record;
    differ bigint;
BEGIN
    FOR t IN SELECT trait FROM segment.trait LOOP
        EXECUTE format('SELECT count(*) FROM by_segment s FULL JOIN by_hand h USING (customer_id) WHERE s.%1$I IS DISTINCT FROM h.%1$I', t.trait)
            INTO differ;
        IF differ > 0 THEN
            RAISE EXCEPTION 'trait "%" differs from that by hand, for % customers', t.trait, differ;
        END IF;
    END LOOP;
END
$$;
SELECT pg_temp.must_be_members(b.name, b.condition)
FROM audience b JOIN segment.audience s ON b.name = s.audience \g /dev/null
COMMIT;
