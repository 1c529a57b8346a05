-- (b) the ten traits by hand, for insert only, as an experienced colleague
-- would write it: one statement trigger, one grouped upsert, room for HOT.
CREATE TABLE total (
    customer_id   bigint PRIMARY KEY,
    order_count   bigint NOT NULL,
    paid_count    bigint NOT NULL,
    amount        numeric NOT NULL,
    total_spend   numeric NOT NULL,
    smallest      numeric,
    biggest       numeric,
    first_at      timestamptz,
    last_order_at timestamptz,
    first_drink   text,
    last_drink    text
) WITH (fillfactor = 70);

CREATE FUNCTION maintain_total() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO total AS t
    SELECT customer_id,
        count(*),
        count(*) FILTER (WHERE status = 'paid'),
        sum(amount),
        coalesce(sum(amount) FILTER (WHERE status = 'paid'), 0),
        min(amount),
        max(amount),
        min(ordered_at),
        max(ordered_at),
        (array_agg(drink ORDER BY ordered_at))[1],
        (array_agg(drink ORDER BY ordered_at DESC))[1]
    FROM inserted
    GROUP BY customer_id
    ORDER BY customer_id
    ON CONFLICT (customer_id) DO UPDATE SET
        order_count = t.order_count + excluded.order_count,
        paid_count = t.paid_count + excluded.paid_count,
        amount = t.amount + excluded.amount,
        total_spend = t.total_spend + excluded.total_spend,
        smallest = least(t.smallest, excluded.smallest),
        biggest = greatest(t.biggest, excluded.biggest),
        first_drink = CASE WHEN excluded.first_at < t.first_at
            THEN excluded.first_drink ELSE t.first_drink END,
        last_drink = CASE WHEN excluded.last_order_at > t.last_order_at
            THEN excluded.last_drink ELSE t.last_drink END,
        first_at = least(t.first_at, excluded.first_at),
        last_order_at = greatest(t.last_order_at, excluded.last_order_at);
    RETURN NULL;
END
$$;

CREATE TRIGGER maintain_total AFTER INSERT ON orders
REFERENCING NEW TABLE AS inserted
FOR EACH STATEMENT EXECUTE FUNCTION maintain_total();

CREATE VIEW profile AS
SELECT *, amount / order_count AS average_order FROM total;
