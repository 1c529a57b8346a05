-- The least that a trigger by hand could keep of what windows count: of each customer when
-- they ordered, and for how much.  No conditions, no order, nothing that is asked.
CREATE TABLE profile (customer_id bigint PRIMARY KEY, times timestamptz[] NOT NULL, amounts numeric[] NOT NULL)
WITH (fillfactor = 70, toast_tuple_target = 4080);

CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO profile AS p SELECT customer_id, array_agg(ordered_at), array_agg(amount) FROM inserted GROUP BY customer_id
    ON CONFLICT (customer_id) DO UPDATE SET times = p.times || excluded.times, amounts = p.amounts || excluded.amounts;
    RETURN NULL;
END
$$;
CREATE TRIGGER keep AFTER INSERT ON orders REFERENCING NEW TABLE AS inserted
FOR EACH STATEMENT EXECUTE FUNCTION keep();
