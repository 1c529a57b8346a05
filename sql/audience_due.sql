-- Thousands of profiles are due: time has moved them, and nobody has swept. How many are members is what SQL says of the
-- orders, at each instant, whether few or many profiles are due, and whatever is pending.
CREATE SCHEMA shop_due;
SET search_path = shop_due;
SET timezone = 'UTC';
SET segment.now = '2026-04-30 12:00+00';
CREATE TABLE orders (customer_id bigint, amount numeric, at timestamptz);
CREATE INDEX ON orders (customer_id, at);
INSERT INTO orders SELECT 1 + i % 6000, i % 50, '2026-04-01 00:00+00'::timestamptz + i * interval '4 minutes' FROM generate_series(0, 9999) AS i;
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_trait('n', 'count(orders in last 20 days)') \g /dev/null
SELECT segment.create_trait('spent', 'sum(orders.amount in last 10 days)') \g /dev/null
SELECT segment.create_trait('last_at', 'max(orders.at)') \g /dev/null
SELECT segment.create_trait('ever', 'count(orders)') \g /dev/null
CREATE TABLE asked (audience name, filter text, condition text);
INSERT INTO asked VALUES
    ('twice', 'n >= 2', 'count(*) FILTER (WHERE at > segment.now() - interval ''20 days'' AND at <= segment.now()) >= 2'),
    ('none', 'n = 0', 'count(*) FILTER (WHERE at > segment.now() - interval ''20 days'' AND at <= segment.now()) = 0'),
    ('spender', 'spent > 30 and ever > 1', 'sum(amount) FILTER (WHERE at > segment.now() - interval ''10 days'' AND at <= segment.now()) > 30 AND count(*) > 1'),
    ('lapsed', 'last_at more than 15 days ago', 'max(at) < segment.now() - interval ''15 days'''),
    ('faithful', 'ever > 1', 'count(*) > 1');
SELECT segment.create_audience(audience, filter::segment.filter, view => false) > 0 AS some FROM asked \g /dev/null
-- are more due than for which filters are evaluated twice, and where segment.size() and segment.sizes() differ from SQL
CREATE FUNCTION differ() RETURNS TABLE (many_due boolean, audience name, size bigint, in_sizes bigint, by_hand bigint) LANGUAGE plpgsql AS $$
DECLARE
    condition text;
BEGIN
    many_due := (SELECT count(*) > 2000 FROM segment_data.profile WHERE wake_at <= segment.now());
    RETURN NEXT;
    FOR audience, condition IN SELECT a.audience, a.condition FROM asked AS a LOOP
        EXECUTE format('SELECT count(*) FROM (SELECT FROM orders GROUP BY customer_id HAVING %s) AS c', condition) INTO by_hand;
        size := segment.size(audience);
        in_sizes := (SELECT s.size FROM segment.sizes() AS s WHERE s.audience = differ.audience);
        IF size <> by_hand OR in_sizes <> by_hand THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END $$;
SELECT * FROM differ();
SET segment.now = '2026-05-02 12:00+00';
SELECT * FROM differ();
SET segment.now = '2026-05-12 00:00+00';
SELECT * FROM differ();
-- what events change is pending, and of profiles that were due it is not stored either
INSERT INTO orders SELECT 1 + i * 3, 40, '2026-05-11 12:00+00' FROM generate_series(0, 999) AS i;
DELETE FROM orders WHERE customer_id % 7 = 0;
SELECT * FROM differ();
SELECT audience, size FROM segment.sizes() ORDER BY 1;
SET segment.now = '2026-05-20 06:00+00';
SELECT * FROM differ();
SELECT audience, size FROM segment.sizes() ORDER BY 1;
SELECT swept, folded > 0 AS folded FROM segment.tick(1500);
SELECT * FROM differ();
BEGIN;
UPDATE orders SET amount = amount + 20 WHERE customer_id % 2 = 1;
SELECT * FROM differ();
ROLLBACK;
SELECT folded > 0 AS folded, due, pending FROM segment.tick();
SELECT * FROM differ();
SELECT * FROM segment.verify();

SET client_min_messages = warning;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_due CASCADE;
