-- what is kept must be what naive SQL says
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM profile LEFT JOIN LATERAL (
            SELECT coalesce(sum(points), 0) AS balance, count(*) AS movements
            FROM entries WHERE entries.customer_id = profile.customer_id AND at <= now()) AS naive ON true
        WHERE profile.balance <> naive.balance OR profile.movements <> naive.movements) THEN
        RAISE EXCEPTION 'the balances differ from those by hand';
    END IF;
END
$$;
