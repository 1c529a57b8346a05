-- Unique indexes that a source needs are dropped: refused with who needs them, or
-- CASCADE, which takes these sources along.
CREATE SCHEMA shop_unique;
SET search_path = shop_unique, public;
SET segment.now = '2026-06-01 12:00+00';
CREATE TABLE customers (customer_id bigint CONSTRAINT customers_key PRIMARY KEY, city text, CONSTRAINT by_city UNIQUE (customer_id, city));
CREATE TABLE orders (id bigint, customer_id bigint, ordered_at timestamptz, UNIQUE (customer_id, id));
CREATE UNIQUE INDEX orders_id ON orders (id);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE TABLE lines (order_id bigint, product_id bigint, quantity int);
CREATE INDEX ON lines (order_id);
CREATE INDEX ON lines (product_id);
CREATE TABLE products (id bigint, category text);
CREATE UNIQUE INDEX products_id ON products (id);
CREATE UNIQUE INDEX products_category ON products (category, id);
INSERT INTO customers VALUES (1, 'Aarhus'), (2, 'Odense');
INSERT INTO orders VALUES (1, 1, '2026-05-01'), (2, 2, '2026-05-20');
INSERT INTO products VALUES (1, 'soap'), (2, 'books');
INSERT INTO lines VALUES (1, 1, 3), (2, 2, 1);

SELECT segment.create_population('unique_guarded', key => 'customer_id', key_type => 'bigint');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.attach_source('lines', through => 'orders', link => 'order_id = id', look_up => '{"product": "products using product_id = id"}');
SELECT segment.create_trait('city', 'customers.city');
SELECT segment.create_trait('soaps', 'sum(lines.quantity where product.category = "soap")');

-- nobody needs these
DROP INDEX products_category;
ALTER TABLE customers DROP CONSTRAINT by_city;
ALTER TABLE orders DROP CONSTRAINT orders_customer_id_id_key;
-- refused
DROP INDEX products_id;
DROP INDEX CONCURRENTLY products_id;
DROP INDEX orders_id, products_id;
ALTER TABLE customers DROP CONSTRAINT customers_key;
ALTER TABLE customers DROP CONSTRAINT customers_key, ADD CONSTRAINT by_city UNIQUE (customer_id, city);
SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid IN ('products'::regclass, 'customers'::regclass, 'orders'::regclass) AND indisunique ORDER BY 1;
-- a table that inherits makes its rows the same once more
CREATE TABLE more_products () INHERITS (products);
CREATE TABLE more_customers () INHERITS (customers);
CREATE TABLE other_products (id bigint, category text);
ALTER TABLE other_products INHERIT products;
INSERT INTO lines VALUES (1, 1, 4);
SELECT * FROM unique_guarded ORDER BY 1;

-- another index in the same statement, or before, is as good
ALTER TABLE customers DROP CONSTRAINT customers_key, ADD CONSTRAINT customers_other PRIMARY KEY (customer_id);
CREATE UNIQUE INDEX products_other ON products (id);
DROP INDEX CONCURRENTLY products_id;
ALTER TABLE products ALTER id TYPE integer;
INSERT INTO lines VALUES (1, 1, 5);
SELECT * FROM unique_guarded ORDER BY 1;
SELECT * FROM segment.verify('unique_guarded');

-- CASCADE
BEGIN;
ALTER TABLE customers DROP CONSTRAINT customers_other CASCADE;
SELECT source FROM segment.source WHERE population = 'unique_guarded' ORDER BY source;
ROLLBACK;
BEGIN;
DROP INDEX products_other CASCADE;
SELECT source FROM segment.source WHERE population = 'unique_guarded' ORDER BY source;
SELECT trait FROM segment.trait WHERE population = 'unique_guarded' ORDER BY trait;
ROLLBACK;
BEGIN;
ALTER TABLE orders ADD UNIQUE (customer_id);
DROP INDEX orders_id CASCADE;
SELECT source FROM segment.source WHERE population = 'unique_guarded' ORDER BY source;
ROLLBACK;
-- a table goes with its indexes
BEGIN;
DROP TABLE products CASCADE;
SELECT source FROM segment.source WHERE population = 'unique_guarded' ORDER BY source;
ROLLBACK;
SELECT * FROM segment.verify('unique_guarded');

-- what was refused, and is undone, is not dropped by the next statement
CREATE VIEW in_nobodys_way AS SELECT 1 AS x;
BEGIN;
SAVEPOINT a;
DROP TABLE products;
ROLLBACK TO a;
DROP VIEW in_nobodys_way;
COMMIT;

-- past the event triggers: an INSERT says what is missing
ALTER EVENT TRIGGER segment_guard_drop DISABLE;
DROP INDEX products_other;
ALTER EVENT TRIGGER segment_guard_drop ENABLE;
INSERT INTO lines VALUES (2, 1, 1);
CREATE UNIQUE INDEX unrelated ON orders (id, ordered_at);
DROP INDEX unrelated;
CREATE UNIQUE INDEX products_new ON products (id);
SELECT * FROM segment.verify('unique_guarded');
SELECT segment.drop_population('unique_guarded', cascade => true);
DROP SCHEMA shop_unique CASCADE;
