-- what is kept must be what naive SQL says
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM profile LEFT JOIN LATERAL (
            SELECT count(*) AS products, (array_agg(product ORDER BY n DESC, latest DESC, product))[1] AS favourite
            FROM (SELECT product, count(*) AS n, max(ordered_at) AS latest
                  FROM orders WHERE orders.customer_id = profile.customer_id GROUP BY product) AS each) AS naive ON true
        WHERE profile.products <> naive.products OR profile.favourite <> naive.favourite) THEN
        RAISE EXCEPTION 'the products differ from those by hand';
    END IF;
END
$$;
