-- Another name for a trait, an audience, a source: who mentions it follows, nothing
-- is computed again, and the feed can still be replayed.
CREATE SCHEMA shop_rename;
SET search_path = shop_rename, public;
SET segment.now = '2026-06-01 12:00+00';
CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text, extra jsonb);
CREATE TABLE orders (id bigint, customer_id bigint, amount numeric, spend numeric, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.create_trait('city', 'customers.city');
SELECT segment.create_trait('extra', 'customers.extra');
SELECT segment.create_trait('size', 'extra.size');
SELECT segment.create_trait('spend', 'sum(orders.spend where spend > 1)', description => 'in crowns');
SELECT segment.create_trait('share', 'spend / sum(orders.amount)');
SELECT segment.create_audience('vip', 'spend > 10', description => 'the best');
SELECT segment.create_audience('local_vip', 'in audience vip and city = "Aarhus" and sum(orders.spend in last 30 days) > 0');
SELECT segment.create_audience('others', 'not in audience vip and (did orders where spend > 1) and did not orders in last 7 days', view => false);
INSERT INTO customers VALUES (1, 'Aarhus', '{"size": "M"}'), (2, 'Odense', '{"size": "L"}');
INSERT INTO orders VALUES (1, 1, 20, 20, '2026-05-30'), (2, 2, 10, 5, '2026-05-01');
SELECT * FROM segment.tick();
CREATE TABLE before AS SELECT * FROM segment_data.profile;
CREATE TABLE numbers AS SELECT audience, definition_id FROM segment.audience;

-- views of users follow, as they do ALTER TABLE ... RENAME
CREATE VIEW mine AS SELECT customer_id, spend, share FROM profile;
CREATE VIEW best AS SELECT customer_id FROM vip;

SELECT segment.rename_trait('spend', 'revenue');
SELECT trait, definition, description FROM segment.trait ORDER BY position;
SELECT audience, filter FROM segment.audience ORDER BY audience;
SELECT * FROM profile ORDER BY 1;
SELECT * FROM mine ORDER BY 1;
SELECT col_description('profile'::regclass, attnum) FROM pg_attribute
WHERE attrelid = 'profile'::regclass AND attname IN ('revenue', 'share') ORDER BY attnum;
SELECT obj_description('vip'::regclass);
SELECT segment.rename_trait('share', 'a word that needs "quotes"');
SELECT segment.create_trait('half', '`a word that needs "quotes"` / 2');
SELECT * FROM mine ORDER BY 1;

SELECT segment.rename_audience('vip', 'patron');
SELECT audience, filter, view FROM segment.audience ORDER BY audience;
SELECT * FROM patron;
SELECT * FROM best;
SELECT segment.members('patron');
SELECT * FROM segment.audiences(1);
SELECT seq, audience, key, change, cause FROM segment.transition ORDER BY seq;

SELECT segment.rename_source('orders', 'sales');
SELECT source, relation FROM segment.source ORDER BY 1;
SELECT stored, source, definition FROM segment.stored_trait ORDER BY length(stored), stored;
SELECT trait, definition FROM segment.trait ORDER BY position;
SELECT audience, filter FROM segment.audience ORDER BY audience;
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'orders'::regclass ORDER BY 1;
SELECT attname, col_description(attrelid, attnum) FROM pg_attribute
WHERE attrelid = 'segment_data.profile'::regclass AND attname ~ '^s[0-9]' ORDER BY attnum;

-- nothing was computed again
SELECT b::text FROM before b EXCEPT SELECT p::text FROM segment_data.profile p;
SELECT count(*) FROM numbers n JOIN segment.audience a USING (definition_id);
SELECT * FROM segment.verify();
-- and all goes on
INSERT INTO orders VALUES (3, 2, 100, 100, '2026-05-31');
SELECT * FROM profile ORDER BY 1;
SELECT * FROM patron ORDER BY 1;
SELECT * FROM segment.tick();
SELECT seq, audience, key, change, cause FROM segment.transition WHERE seq > 5 ORDER BY seq;
SELECT * FROM segment.dependencies('sales');
UPDATE orders SET spend = 0 WHERE id = 3;
TRUNCATE orders;
SELECT * FROM segment.verify();
SELECT * FROM segment.sizes();

-- triggers stay as somebody has enabled them
ALTER TABLE orders ENABLE ALWAYS TRIGGER segment_profile_insert;
SELECT segment.rename_source('sales', 'orders');
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'orders'::regclass AND tgenabled <> 'O';

-- what cannot be
SELECT segment.rename_trait('revenue', 'city');
SELECT segment.rename_trait('revenue', 'customer_id');
SELECT segment.rename_trait('revenue', '');
SELECT segment.rename_trait('revenu', 'spend');
SELECT segment.rename_trait('extra', 'customers');
SELECT segment.rename_source('customers', 'extra');
SELECT segment.rename_source('customers', 'orders');
SELECT segment.rename_source('customer', 'clients');
SELECT segment.rename_audience('patron', 'others');
SELECT segment.rename_audience('patron', 'customers');
SELECT segment.rename_audience('patrons', 'vip');
SELECT segment.rename_audience('patron', NULL);
SET default_transaction_isolation = 'repeatable read';
SELECT segment.rename_audience('patron', 'vip');
RESET default_transaction_isolation;
CREATE ROLE regress_segment_rename;
SET ROLE regress_segment_rename;
SELECT segment.rename_trait('revenue', 'spend');
SELECT segment.rename_audience('patron', 'vip');
SELECT segment.rename_source('customers', 'clients');
RESET ROLE;
DROP ROLE regress_segment_rename;

-- a view that somebody has renamed keeps that name
ALTER VIEW patron RENAME TO those_we_love;
ALTER VIEW profile RENAME TO customer_profile;
SELECT segment.rename_audience('patron', 'vip');
SELECT * FROM those_we_love ORDER BY 1;
SELECT segment.create_trait('orders', 'count(orders)');
SELECT segment.rename_trait('orders', 'how_often');
SELECT * FROM customer_profile ORDER BY 1;
DROP VIEW mine, best;
SELECT segment.drop_audience('local_vip');
SELECT segment.drop_audience('others');
SELECT segment.drop_audience('vip');
SELECT to_regclass('those_we_love'), to_regclass('vip');
SELECT segment.drop_population('profile', cascade => true);
SELECT to_regclass('customer_profile');
DROP SCHEMA shop_rename CASCADE;
