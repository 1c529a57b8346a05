-- What an order that earns writes, by hand: ten traits, as in "events", and the five rows of a
-- ledger, in tables like ours, with their constraints and indexes.  No rule, no member, no
-- refund: nothing is looked for.
\ir ../events/trigger.sql
SET client_min_messages = warning;
CREATE EXTENSION segment;
SELECT segment.create_population('profiles', key => 'customer_id', key_type => 'bigint');
SELECT segment.create_program('club');
CREATE TABLE movement (LIKE segment_data.profiles_club_movement INCLUDING ALL);
CREATE TABLE lot (LIKE segment_data.profiles_club_lot INCLUDING ALL);
CREATE TABLE entry (LIKE segment_data.profiles_club_entry INCLUDING ALL);
CREATE TABLE granted (LIKE segment_data.profiles_club_granted INCLUDING ALL);
DROP EXTENSION segment CASCADE;

CREATE FUNCTION earn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH moved AS (
        INSERT INTO movement (key, kind, points, at, made_at, ref, by, rule, version)
        SELECT customer_id, 'earn', trunc(amount), now(), now(), order_id::text, current_user, 'orders', 1
        FROM inserted WHERE status = 'paid' AND amount >= 1 ORDER BY customer_id
        RETURNING movement, key, points, at, at + interval '1 year' AS expires_at, ref),
    lots AS (
        INSERT INTO lot SELECT movement, movement, key, points, points, at, expires_at, false FROM moved),
    grants AS (
        INSERT INTO granted SELECT ref, 'orders', key, 1, points, points, movement FROM moved)
    INSERT INTO entry SELECT movement, nth, movement, key, sign * points, kind, contra, CASE nth WHEN 1 THEN at ELSE expires_at END
    FROM moved, (VALUES (1, 1, 'earn', 'issued'), (2, -1, 'expire', 'expired')) AS v (nth, sign, kind, contra);
    RETURN NULL;
END
$$;

CREATE TRIGGER earn AFTER INSERT ON orders REFERENCING NEW TABLE AS inserted
FOR EACH STATEMENT EXECUTE FUNCTION earn();

-- And what a request of a till writes: the balance, the lot that expires soonest, and the rows
-- that say so.
\ir balance.sql
INSERT INTO lot SELECT -customer, -customer, customer, 1000000000, 1000000000, now(), now() + interval '1 year', false
FROM generate_series(1, 10) AS customer;

CREATE FUNCTION spend(customer bigint, taken bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    chosen lot;
    moved bigint;
BEGIN
    UPDATE balance SET points = points - taken WHERE customer_id = customer;
    SELECT * INTO STRICT chosen FROM lot WHERE key = customer AND expires_at > now() AND NOT spent ORDER BY expires_at LIMIT 1;
    INSERT INTO movement (key, kind, points, at, made_at, request, by)
    VALUES (customer, 'redeem', -taken, now(), now(), concat('redeem ', customer, ' ', taken), current_user) RETURNING movement INTO moved;
    UPDATE lot SET remaining = remaining - taken WHERE lot.lot = chosen.lot;
    INSERT INTO entry VALUES (moved, 1, chosen.lot, customer, -taken, 'redeem', 'redeemed', now()),
        (moved, 2, chosen.lot, customer, taken, 'expire', 'expired', chosen.expires_at);
    RETURN moved;
END
$$;
