-- The least that a ledger is made of: what a customer has, of which lot it is, and what each
-- request has moved and taken, each with the one index that finds it.  Nobody is a member,
-- nothing is held, expires, is known again by a token, or is asked of an audience.
\ir balance.sql
CREATE TABLE lot (lot bigint PRIMARY KEY, customer_id bigint, remaining bigint NOT NULL CHECK (remaining >= 0));
INSERT INTO lot SELECT -customer, customer, 1000000000 FROM generate_series(1, :profiles) AS customer;
CREATE TABLE movement (movement bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id bigint, points bigint, at timestamptz);
CREATE TABLE entry (customer_id bigint, movement bigint, lot bigint, points bigint, at timestamptz);
CREATE INDEX ON entry (customer_id, movement);

-- And the least that an order could write that earns: the balance, and its lot.
CREATE FUNCTION earn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE balance SET points = balance.points + earned.points
    FROM (SELECT customer_id, sum(trunc(amount)) AS points FROM inserted WHERE status = 'paid' GROUP BY customer_id) AS earned
    WHERE balance.customer_id = earned.customer_id;
    INSERT INTO lot SELECT order_id, customer_id, trunc(amount) FROM inserted WHERE status = 'paid';
    RETURN NULL;
END
$$;
CREATE TRIGGER earn AFTER INSERT ON orders REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION earn();
