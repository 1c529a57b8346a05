-- The same statements as in the other stories, where nobody sees them: verify() finds
-- what has drifted, and what works no more.
CREATE SCHEMA shop_guard;
SET search_path = shop_guard, public;
SET segment.now = '2026-06-01 12:00+00';
ALTER EVENT TRIGGER segment_guard_command DISABLE;
ALTER EVENT TRIGGER segment_guard_drop DISABLE;
ALTER EVENT TRIGGER segment_guard_rewrite DISABLE;
CREATE TYPE state AS ENUM ('open', 'paid');
CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, amount numeric, discount numeric, status state, shop text,
    ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
INSERT INTO customers VALUES (1, 'Aarhus'), (2, 'Odense');
INSERT INTO orders VALUES (1, 1, 100, 10, 'paid', 'x10', '2026-05-01'), (2, 2, 30, 1, 'open', 'x9', '2026-05-20'), (3, 2, 3, 1, 'open', 'x10', '2026-05-20');
CREATE TABLE spare (LIKE orders INCLUDING ALL);
SELECT segment.create_population('profile', key => 'customer_id', key_type => 'bigint');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.create_traits('{"city": "customers.city", "spent": "sum(orders.amount)", "paid": "count(orders where status = \"paid\")",
    "last_shop": "max(orders.shop)"}');
SELECT segment.create_audience('big', 'spent > 50', view => false);
SELECT * FROM segment.verify();

-- what a session does past us, and what verify() says of it then
CREATE FUNCTION found(statements text) RETURNS TABLE (source name, definition text, key text, stored text, expected text)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statements;
    RETURN QUERY SELECT * FROM segment.verify() v ORDER BY v.source, v.definition COLLATE "C", v.key;
EXCEPTION WHEN OTHERS THEN
    RETURN QUERY SELECT NULL::name, 'error', NULL, NULL, SQLERRM;
END $$;
BEGIN; SELECT * FROM found('ALTER TABLE orders RENAME amount TO total'); ROLLBACK;
BEGIN; SELECT * FROM found('ALTER TABLE orders RENAME customer_id TO buyer'); ROLLBACK;
BEGIN; SELECT * FROM found('ALTER TABLE orders RENAME amount TO x; ALTER TABLE orders RENAME discount TO amount;
    ALTER TABLE orders RENAME x TO discount'); ROLLBACK;
BEGIN; SELECT * FROM found('ALTER TABLE orders RENAME TO sales'); ROLLBACK;
BEGIN; SELECT * FROM found('ALTER TABLE orders RENAME TO x; ALTER TABLE spare RENAME TO orders; ALTER TABLE x RENAME TO spare'); ROLLBACK;
BEGIN; SELECT * FROM found('ALTER TYPE state RENAME VALUE ''paid'' TO ''settled'''); ROLLBACK;
BEGIN; SELECT * FROM found('ALTER TABLE orders ALTER amount TYPE numeric USING amount * 100'); ROLLBACK;
BEGIN; SELECT * FROM found('ALTER TABLE orders ALTER amount TYPE text'); ROLLBACK;
BEGIN; SELECT * FROM found('ALTER TABLE orders ALTER customer_id TYPE bigint USING 3 - customer_id'); ROLLBACK;
BEGIN; SELECT * FROM found('CREATE COLLATION numbers (provider = icu, locale = ''en-u-kn'');
    ALTER TABLE orders ALTER shop TYPE text COLLATE numbers'); ROLLBACK;
BEGIN; SELECT * FROM found('ALTER TABLE orders DROP amount'); ROLLBACK;
BEGIN; SELECT * FROM found('DROP TABLE orders'); ROLLBACK;
BEGIN; SELECT * FROM found('ALTER TABLE orders DISABLE TRIGGER ALL; DELETE FROM orders WHERE id = 1;
    INSERT INTO orders (id, customer_id, ordered_at) VALUES (9, 9, now())'); ROLLBACK;
BEGIN; SELECT * FROM found('DROP TRIGGER segment_profile_insert ON orders; DROP TRIGGER segment_profile_before ON orders;
    INSERT INTO orders (id, customer_id, ordered_at) VALUES (9, 9, now())'); ROLLBACK;
BEGIN; SELECT * FROM found('SET LOCAL session_replication_role = replica; UPDATE orders SET amount = 1 WHERE id = 1'); ROLLBACK;
-- what moves to another place is the same
BEGIN; SELECT * FROM found('ALTER SCHEMA shop_guard RENAME TO elsewhere; ALTER TYPE elsewhere.state RENAME TO states'); ROLLBACK;

-- rebuild() takes note of names, and computes the rest again
ALTER TABLE orders RENAME TO sales;
ALTER TABLE sales ALTER amount TYPE numeric USING amount * 2;
SELECT segment.rebuild();
SELECT * FROM segment.verify();
SELECT trait, definition FROM segment.trait ORDER BY position;

SET client_min_messages = warning;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_guard CASCADE;
ALTER EVENT TRIGGER segment_guard_command ENABLE;
ALTER EVENT TRIGGER segment_guard_drop ENABLE;
ALTER EVENT TRIGGER segment_guard_rewrite ENABLE;
