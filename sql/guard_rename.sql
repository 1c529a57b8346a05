-- Columns, tables, schemas and types are renamed, and definitions follow, as the
-- query of a view would: nothing is computed anew, and the next event counts.
CREATE SCHEMA shop_guard;
SET search_path = shop_guard, public;
SET segment.now = '2026-06-01 12:00+00';

CREATE TYPE state AS ENUM ('open', 'paid');
CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text, extra jsonb);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, amount numeric, discount numeric, status state, payload jsonb,
    ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE INDEX ON orders (id);
CREATE TABLE lines (order_id bigint, product_id bigint, quantity int);
CREATE INDEX ON lines (order_id);
CREATE INDEX ON lines (product_id);
CREATE TABLE products (id bigint PRIMARY KEY, category text);
INSERT INTO customers VALUES (1, 'Aarhus', '{"tier": "gold"}'), (2, 'Odense', '{}');
INSERT INTO orders VALUES (1, 1, 100, 10, 'paid', '{"via": "app"}', '2026-05-01'), (2, 2, 30, 0, 'open', '{"via": "web"}', '2026-05-20');
INSERT INTO products VALUES (1, 'soap'), (2, 'books');
INSERT INTO lines VALUES (1, 1, 3), (2, 2, 1);

SELECT segment.create_population('profile', key => 'customer_id', key_type => 'bigint');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.attach_source('orders', name => 'paid', at => 'ordered_at', filter => 'status = "paid" and payload.via = "app"');
SELECT segment.attach_source('lines', through => 'orders', link => 'order_id', look_up => '{"product": "products using product_id"}');
SELECT segment.create_trait('city', 'customers.city', description => 'where they live');
SELECT segment.create_trait('tier', 'customers.extra.tier');
SELECT segment.create_trait('spent', 'sum(orders.amount - orders.discount where status = "paid")');
SELECT segment.create_trait('apps', 'count(paid where payload.via = "app")');
SELECT segment.create_trait('soaps', 'sum(lines.quantity where product.category = "soap" and orders.amount > 50)');
SELECT segment.create_trait('spent_twice', 'spent * 2');
SELECT segment.create_audience('buyers', 'spent > 50 and did orders of status "paid" in last 60 days');
SELECT segment.create_audience('bookish', 'count(lines where product.category = "books") > 0 and customers.city = "Odense"');

CREATE VIEW definitions AS
SELECT trait AS name, definition FROM segment.trait
UNION ALL SELECT audience, filter::text FROM segment.audience
UNION ALL SELECT source, concat_ws(' ', relation, key, at, filter) FROM segment.source
UNION ALL SELECT source || '.' || link, of_column || ' = ' || to_column FROM segment.source_link;
CREATE VIEW answer AS
SELECT p.*, array(SELECT segment.audiences(customer_id) ORDER BY 1) AS audiences FROM profile p ORDER BY customer_id;
SELECT * FROM definitions ORDER BY name COLLATE "C";
SELECT * FROM answer;

-- each is a statement of its own; two columns swap their names by three
ALTER TABLE orders RENAME discount TO spare;
ALTER TABLE orders RENAME amount TO discount;
ALTER TABLE orders RENAME COLUMN spare TO amount;
ALTER TABLE orders RENAME payload TO details;
ALTER TABLE orders RENAME status TO state;
ALTER TABLE orders RENAME customer_id TO buyer;
ALTER TABLE orders RENAME ordered_at TO "Bought at";
ALTER TABLE orders RENAME id TO number;
ALTER TABLE customers RENAME city TO town;
ALTER TABLE customers RENAME extra TO more;
ALTER TABLE lines RENAME order_id TO of_order;
ALTER TABLE lines RENAME quantity TO pieces;
ALTER TABLE products RENAME category TO kind;
ALTER TABLE products RENAME id TO sku;
SELECT * FROM definitions ORDER BY name COLLATE "C";
SELECT * FROM answer;
SELECT * FROM segment.verify();
SELECT col_description('profile'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'profile'::regclass AND attname IN ('city', 'spent') ORDER BY attnum;
SELECT obj_description('buyers'::regclass);

-- the next events count, in either order of two that swap
INSERT INTO orders (number, buyer, discount, amount, state, details, "Bought at")
    VALUES (3, 2, 70, 5, 'paid', '{"via": "app"}', '2026-05-30');
INSERT INTO lines VALUES (3, 1, 2), (1, 2, 9);
UPDATE orders SET amount = 0 WHERE number = 1;
SELECT * FROM answer;
SELECT * FROM segment.verify();

-- names that the language has other uses for are written in backquotes
ALTER TABLE orders RENAME discount TO "where";
ALTER TABLE orders RENAME amount TO "today";
ALTER TABLE orders RENAME state TO "in last 7 days";
ALTER TABLE customers RENAME town TO "`";
ALTER TABLE orders RENAME details TO "orders";
ALTER TABLE lines RENAME pieces TO "and";
ALTER TABLE products RENAME kind TO "Kind ""of"" it";
SELECT * FROM definitions ORDER BY name COLLATE "C";
UPDATE orders SET today = 1;
SELECT * FROM answer;
SELECT * FROM segment.verify();

-- nothing half done remains
BEGIN;
ALTER TABLE orders RENAME "where" TO price;
SAVEPOINT before;
ALTER TABLE orders RENAME price TO cost;
ROLLBACK TO before;
INSERT INTO orders (number, buyer, price) VALUES (4, 1, 0);
SELECT definition FROM segment.trait WHERE trait = 'spent';
ROLLBACK;
SELECT definition FROM segment.trait WHERE trait = 'spent';
SELECT * FROM segment.verify();

-- a name that would be taken for something else is refused, and nothing half done
-- remains
ALTER TABLE orders RENAME "orders" TO payload;
SELECT segment.create_trait('by_app', 'count(orders where payload.via = "app")');
ALTER TABLE orders RENAME payload TO orders;
ALTER TABLE lines ADD note jsonb;
SELECT segment.create_trait('gifts', 'count(lines where note.gift = "yes")');
ALTER TABLE lines RENAME note TO product;
ALTER TABLE lines RENAME note TO "product.gift";
SELECT * FROM definitions WHERE name IN ('by_app', 'gifts') ORDER BY name;

-- a source that bears the name of its table follows it; paid has one of its own
ALTER TABLE orders RENAME TO sales;
ALTER TABLE customers RENAME TO lines_of_business;
SELECT * FROM definitions ORDER BY name COLLATE "C";
INSERT INTO sales (number, buyer, "where", today, "in last 7 days", "Bought at") VALUES (5, 1, 1, 0, 'paid', '2026-05-31');
SELECT spent FROM profile WHERE customer_id = 1;
-- a table that is called like another source's keeps the source's name
CREATE SCHEMA attic;
ALTER TABLE sales SET SCHEMA attic;
ALTER TABLE attic.sales RENAME TO lines;
SELECT * FROM definitions WHERE name IN ('lines', 'sales', 'spent') ORDER BY name;
-- two tables that swap their names: a source stays with its table, as a view does
CREATE TABLE attic.sales (LIKE attic.lines);
ALTER TABLE attic.sales RENAME TO spare;
ALTER TABLE attic.lines RENAME TO sales;
ALTER TABLE attic.spare RENAME TO lines;
SELECT * FROM definitions WHERE name IN ('lines', 'sales', 'spent') ORDER BY name;

-- schemas, types and the values of columns of them have no names in definitions
ALTER SCHEMA attic RENAME TO cellar;
ALTER TYPE state RENAME TO order_state;
ALTER SCHEMA shop_guard RENAME TO shop_ruled;
SET search_path = shop_ruled, public;
INSERT INTO cellar.sales (number, buyer, "where", today, "in last 7 days", "Bought at") VALUES (6, 1, 10, 0, 'paid', '2026-05-31');
SELECT spent FROM profile WHERE customer_id = 1;
SELECT * FROM segment.verify();
SELECT DISTINCT captured FROM segment.stat_source;

-- heirs and tables of a type get their columns' names from elsewhere
CREATE TYPE visit AS (visitor bigint, page text, at timestamptz);
CREATE TABLE visits OF visit;
CREATE INDEX ON visits (visitor);
SELECT segment.attach_source('visits', key => 'visitor', at => 'at');
SELECT segment.create_trait('pages', 'list(distinct visits.page)');
ALTER TYPE visit RENAME ATTRIBUTE page TO place CASCADE;
ALTER TYPE visit RENAME ATTRIBUTE visitor TO guest CASCADE;
INSERT INTO visits VALUES (1, 'door', '2026-05-31');
SELECT definition FROM segment.trait WHERE trait = 'pages';
SELECT pages FROM profile WHERE customer_id = 1;

-- who owns a table may rename what is in it, whoever owns the population
CREATE ROLE regress_guard_clerk;
GRANT USAGE ON SCHEMA shop_ruled TO regress_guard_clerk;
ALTER TABLE products OWNER TO regress_guard_clerk;
SET ROLE regress_guard_clerk;
ALTER TABLE products RENAME "Kind ""of"" it" TO category;
ALTER TABLE products RENAME category TO "Category";
RESET ROLE;
SELECT definition FROM segment.trait WHERE trait = 'soaps';
SELECT * FROM segment.verify();

-- the schemas of the extension keep their names: each INSERT finds tables by them
ALTER SCHEMA segment RENAME TO other;
ALTER SCHEMA segment_data RENAME TO other;
ALTER SCHEMA cellar RENAME TO "Keller";
ALTER SCHEMA "Keller" RENAME TO cellar;

DROP VIEW answer, definitions;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_ruled, cellar CASCADE;
DROP ROLE regress_guard_clerk;
