-- what is kept must be what naive SQL says
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM profile LEFT JOIN LATERAL (
            SELECT coalesce(sum(amount) FILTER (WHERE ordered_at > now() - interval '7 days'), 0) AS spend_7,
                coalesce(sum(amount) FILTER (WHERE ordered_at > now() - interval '90 days'), 0) AS spend_90
            FROM orders WHERE orders.customer_id = profile.customer_id AND ordered_at <= now()) AS naive ON true
        WHERE profile.spend_7 <> naive.spend_7 OR profile.spend_90 <> naive.spend_90) THEN
        RAISE EXCEPTION 'the sums differ from those by hand';
    END IF;
END
$$;
