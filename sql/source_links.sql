-- What cannot link two tables is refused, with what to do; nothing of it stays.
CREATE SCHEMA shop_links;
SET search_path = shop_links, public;
CREATE TABLE accounts (id int PRIMARY KEY, customer_id bigint, nick text, no numeric, place point, UNIQUE (nick) DEFERRABLE);
CREATE UNIQUE INDEX ON accounts (no) WHERE no > 0;
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, account_id int REFERENCES accounts, second_id int REFERENCES accounts, nick text,
    no numeric, place point, code text COLLATE "C", at timestamptz);
CREATE INDEX ON orders (customer_id, at);
CREATE INDEX ON orders (account_id);
CREATE TABLE people (customer_id bigint PRIMARY KEY, manager_id bigint);
CREATE TABLE products (id smallint PRIMARY KEY, category_id int, code text UNIQUE);
CREATE TABLE categories (id bigint PRIMARY KEY, title text);
CREATE TABLE order_lines (id int PRIMARY KEY, order_id int, product_id bigint, code text, product_code text COLLATE "C", person_id bigint);
CREATE INDEX ON order_lines (order_id);
CREATE VIEW old_products AS TABLE products;
CREATE MATERIALIZED VIEW known_products AS TABLE products;
CREATE UNLOGGED TABLE quick_products (id int PRIMARY KEY);
CREATE TEMP TABLE my_products (id int PRIMARY KEY);
SELECT segment.create_population('shop', timezone => 'UTC');
SELECT segment.create_population('other', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at', population => 'other', name => 'sales');
SELECT segment.attach_source('orders', at => 'at', population => 'shop');
SELECT segment.attach_source('orders', at => 'at', population => 'shop', name => 'early', filter => 'at before "2020-01-01"');
SELECT segment.attach_source('people', population => 'shop');
CREATE TABLE attached AS SELECT (SELECT count(*) FROM segment.source) AS sources, (SELECT count(*) FROM segment.source_link) AS links,
    (SELECT count(*) FROM pg_trigger WHERE tgname ~ '^segment_') AS triggers;

-- a parent that is none
SELECT segment.attach_source('order_lines', population => 'shop', through => 'sales', link => 'order_id');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'ordrs', link => 'order_id');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'order_lines', link => 'order_id');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'early', link => 'order_id');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'people', link => 'person_id');
SELECT segment.attach_source('order_lines', population => 'shop', link => 'order_id');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id', key => 'id');
-- columns that are none, or of which it is not known which
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'ordr_id');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id = nr');
SELECT segment.attach_source('orders', population => 'other', name => 'o', at => 'at', look_up => '{"account": "accounts using nick = account_nick"}');
-- not unique; or only for some rows, or at the end of a transaction
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id = customer_id');
SELECT segment.attach_source('orders', population => 'other', name => 'o', at => 'at', look_up => '{"account": "accounts using nick = nick"}');
SELECT segment.attach_source('orders', population => 'other', name => 'o', at => 'at', look_up => '{"account": "accounts using no = no"}');
-- types and collations
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'code = id');
SELECT segment.attach_source('orders', population => 'other', name => 'o', at => 'at', look_up => '{"account": "accounts using no = id"}');
SELECT segment.attach_source('orders', population => 'other', name => 'o', at => 'at', look_up => '{"account": "accounts using place = place"}');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id', look_up => '{"product": "products using product_code = code"}');
-- circles
SELECT segment.attach_source('people', population => 'other', look_up => '{"manager": "people using manager_id"}');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id', look_up => '{"a": "products using b.id", "b": "categories using a.id"}');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id', look_up => '{"a": "products using a.id"}');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id', look_up => '{"product": "products using product_id", "line": "order_lines using product.id"}');
-- look-ups that are not said, or are no tables
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id', look_up => '["products"]');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id', look_up => '{"product": "products"}');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id', look_up => '{"product": null}');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id', look_up => '{"product": "prodcts using product_id"}');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id', look_up => '{"product": "products using product_id", "category": "categories using prduct.category_id"}');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id', look_up => '{"category": "categories using article.category_id"}');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id', look_up => '{"orders": "products using product_id"}');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id', look_up => '{"code": "products using product_id"}');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id', look_up => '{"product": "old_products using product_id = id"}');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id', look_up => '{"product": "known_products using product_id = id"}');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id', look_up => '{"product": "quick_products using product_id"}');
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id', look_up => '{"product": "my_products using product_id"}');
-- tables that the population's owner may not read
CREATE ROLE regress_segment_seller;
GRANT USAGE ON SCHEMA shop_links TO regress_segment_seller;
GRANT CREATE ON SCHEMA shop_links TO regress_segment_seller;
GRANT SELECT, TRIGGER ON orders, order_lines TO regress_segment_seller;
SET ROLE regress_segment_seller;
SELECT segment.create_population('theirs', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at', population => 'theirs');
SELECT segment.attach_source('order_lines', population => 'theirs', through => 'orders', link => 'order_id', look_up => '{"product": "products using product_id"}');
SELECT segment.drop_population('theirs', cascade => true);
RESET ROLE;
SELECT (SELECT count(*) FROM segment.source) = sources AND (SELECT count(*) FROM segment.source_link) = links
    AND (SELECT count(*) FROM pg_trigger WHERE tgname ~ '^segment_') = triggers AS nothing_stayed FROM attached;

-- integers of any size; of two foreign keys one is named; a look-up of a look-up may come first
SELECT segment.attach_source('order_lines', population => 'shop', through => 'orders', link => 'order_id',
    look_up => '{"category": "categories using product.category_id", "product": "products using product_id", "account": "accounts using orders.second_id"}');
SELECT link, relation, of_link, of_column, to_column FROM segment.source_link ORDER BY number;
SELECT segment.create_trait('tea', 'count(order_lines where category.title = "tea")', 'shop');
SELECT segment.create_trait('nicks', 'list(distinct order_lines.account.nick)', 'shop');
INSERT INTO order_lines VALUES (1, 1, 1), (2, 1, 2), (3, 2, 1), (4, 2, 100000), (5, 3, -1);
INSERT INTO accounts VALUES (1, NULL, 'ada'), (2, NULL, 'ben');
INSERT INTO orders (id, customer_id, second_id, at) VALUES (1, 1, 1, '2026-05-01'), (2, 2, 2, '2026-05-01'), (3000000000, 3, 1, '2026-05-01');
SELECT * FROM shop ORDER BY 1;
INSERT INTO categories VALUES (1, 'tea'), (3000000000, 'cup');
INSERT INTO products VALUES (1, 1, 'a'), (2, 2, 'b'), (-1, 1, 'c');
SELECT * FROM shop ORDER BY 1;
UPDATE products SET category_id = 1 WHERE id = 2;
UPDATE accounts SET nick = 'cleo' WHERE id = 2;
WITH o AS (UPDATE orders SET customer_id = 4 WHERE id = 1) UPDATE order_lines SET order_id = 1 WHERE id = 3;
SELECT * FROM shop ORDER BY 1;
DELETE FROM categories WHERE id = 1;
SELECT * FROM shop ORDER BY 1;
SELECT * FROM segment.verify('shop');

-- names as SQL quotes them, and as they are
CREATE TABLE "Track" ("Track Id" int PRIMARY KEY, "Genre.Id" int, "The ""Name""" text);
CREATE TABLE "Genre" ("Genre=Id" int PRIMARY KEY, name text);
CREATE TABLE plays (id int PRIMARY KEY, customer_id bigint, "Track Id" int, at timestamptz);
CREATE INDEX ON plays (customer_id, at);
SET client_min_messages = warning;
SELECT segment.attach_source('plays', at => 'at', population => 'other', look_up => '{"genre": "\"Genre\" USING track.\"Genre.Id\"", "track": "\"Track\" using Track Id"}');
SELECT segment.attach_source('plays', at => 'at', population => 'other', name => 'again', look_up => '{"other track": "shop_links.\"Track\" using \"Track Id\" = \"Track Id\"", "genre": "\"Genre\" using \"other track\".\"Genre.Id\" = \"Genre=Id\""}');
RESET client_min_messages;
SELECT source, link, of_link, of_column, to_column FROM segment.source_link WHERE population = 'other' ORDER BY source, number;
SELECT segment.create_trait('genre', 'last(again.genre.name where `other track`.`The "Name"` is set)', 'other');
INSERT INTO "Genre" VALUES (1, 'rock');
INSERT INTO "Track" VALUES (1, 1, 'x');
INSERT INTO plays VALUES (1, 1, 1, '2026-05-01');
SELECT genre FROM other WHERE customer_id = 1;
SELECT segment.detach_source('again', 'other', cascade => true);

-- types that are neither: enums, padded text, exact numbers, days
CREATE TYPE size AS ENUM ('small', 'large');
CREATE DOMAIN label AS varchar(10);
CREATE TABLE prices (size size PRIMARY KEY, price int);
CREATE TABLE shelves (shelf char(8) PRIMARY KEY, room text);
CREATE TABLE batches (no numeric PRIMARY KEY, maker text);
CREATE TABLE days (day date PRIMARY KEY, holiday boolean);
CREATE TABLE labels (label label PRIMARY KEY, colour text);
CREATE TABLE sales (id int PRIMARY KEY, customer_id bigint, size size, shelf char(4), batch numeric, day date, label text, at timestamptz);
CREATE INDEX ON sales (customer_id, at);
SET client_min_messages = warning;
SELECT segment.attach_source('sales', at => 'at', population => 'other', name => 'sold', look_up => '{"price": "prices using size = size", "place": "shelves using shelf",
    "made": "batches using batch", "weekday": "days using day", "sticker": "labels using label"}');
RESET client_min_messages;
SELECT segment.create_trait('price', 'sum(sold.price.price)', 'other');
SELECT segment.create_trait('rooms', 'list(distinct sold.place.room)', 'other');
SELECT segment.create_trait('makers', 'list(distinct sold.made.maker)', 'other');
SELECT segment.create_trait('holidays', 'count(sold where weekday.holiday)', 'other');
SELECT segment.create_trait('colours', 'list(distinct sold.sticker.colour)', 'other');
INSERT INTO sales VALUES (1, 1, 'small', 'a', 1.50, '2026-05-01', 'x', '2026-05-01'), (2, 2, 'large', 'b', 2, '2026-05-02', 'y', '2026-05-02');
INSERT INTO prices VALUES ('small', 3), ('large', 5);
INSERT INTO shelves VALUES ('a', 'cellar'), ('b', 'attic');
INSERT INTO batches VALUES (1.5, 'Ada'), (2.000, 'Ben');
INSERT INTO days VALUES ('2026-05-01', true), ('2026-05-02', false);
INSERT INTO labels VALUES ('x', 'red'), ('y', 'blue');
SELECT * FROM other WHERE customer_id < 3 ORDER BY 1;
UPDATE batches SET maker = 'Cleo';
UPDATE shelves SET room = 'hall' WHERE shelf = 'a';
WITH d AS (UPDATE days SET holiday = true), l AS (UPDATE labels SET colour = 'green' WHERE label = 'x') INSERT INTO sales VALUES (3, 1, 'large', 'b', 1.500, '2026-05-02', 'y', '2026-05-03');
SELECT * FROM other WHERE customer_id < 3 ORDER BY 1;
SELECT * FROM segment.verify('other');
-- several columns: a parent that is partitioned, and a look-up that two columns make out
CREATE TABLE visits (shop smallint, id int, customer_id bigint, at timestamptz, PRIMARY KEY (shop, id, at)) PARTITION BY RANGE (at);
CREATE TABLE visits_may PARTITION OF visits FOR VALUES FROM ('2026-05-01Z') TO ('2026-06-01Z');
CREATE TABLE visits_june PARTITION OF visits FOR VALUES FROM ('2026-06-01Z') TO ('2026-07-01Z');
CREATE INDEX ON visits (customer_id, at);
CREATE TABLE labels_in (shop bigint, label text, name text, UNIQUE (label, shop));
CREATE TABLE views (id int PRIMARY KEY, shop int, visit bigint, visited_at timestamptz, label text);
CREATE INDEX ON views (visit);
CREATE INDEX ON views (label);
SELECT segment.create_population('visitor', key => 'customer_id', timezone => 'UTC');
SELECT segment.attach_source('visits', at => 'at', population => 'visitor');
SELECT segment.attach_source('views', through => 'visits', link => 'shop, visit = shop, id', population => 'visitor');
SELECT segment.attach_source('views', through => 'visits', link => 'shop, visit = shop, id, at', population => 'visitor');
SELECT segment.attach_source('views', through => 'visits', link => 'visit', population => 'visitor');
SELECT segment.attach_source('views', through => 'visits', link => 'shop, visit, visited_at, label, id = shop, id, at, at, at', population => 'visitor');
SELECT segment.attach_source('views', through => 'visits', link => 'shop, visit, visited_at = shop, id, at', population => 'visitor', look_up => '{"tag": "labels_in using shop, label = shop, label"}');
SELECT link, number, part, of_column, to_column FROM segment.source_link WHERE population = 'visitor' ORDER BY number, part;
SELECT segment.create_trait('views', 'count(views)', 'visitor');
SELECT segment.create_trait('tags', 'list(distinct views.tag.name)', 'visitor');
SELECT segment.create_trait('last_shop', 'last(views.visits.shop)', 'visitor');
CREATE VIEW naive AS SELECT customer_id, count(w.id) AS views, coalesce(array_agg(DISTINCT l.name ORDER BY l.name) FILTER (WHERE l.name IS NOT NULL), '{}') AS tags
    FROM visits v LEFT JOIN views w ON (w.shop, w.visit, w.visited_at) = (v.shop, v.id, v.at) LEFT JOIN labels_in l ON (l.shop, l.label) = (w.shop, w.label)
    WHERE customer_id IS NOT NULL GROUP BY customer_id;
CREATE FUNCTION differences() RETURNS TABLE (which text, profile text) LANGUAGE sql AS $$
    SELECT 'stored', a::text FROM (SELECT customer_id, views, tags FROM shop_links.visitor EXCEPT ALL TABLE shop_links.naive) a
    UNION ALL SELECT 'naive', b::text FROM (TABLE shop_links.naive EXCEPT ALL SELECT customer_id, views, tags FROM shop_links.visitor) b
    UNION ALL SELECT 'verify', v::text FROM segment.verify('visitor') v
$$;
INSERT INTO views SELECT i, 1 + i % 2, i % 5, '2026-05-30Z'::timestamptz + i % 5 * interval '1 day', 'l' || i % 3 FROM generate_series(1, 60) AS i;
INSERT INTO visits SELECT 1 + i % 2, i % 5, i % 4, '2026-05-30Z'::timestamptz + i % 5 * interval '1 day' FROM generate_series(0, 9) AS i;
INSERT INTO labels_in SELECT shop, 'l' || i, 'name ' || shop || i FROM generate_series(1, 2) AS shop, generate_series(0, 1) AS i;
SELECT * FROM visitor ORDER BY 1;
SELECT * FROM differences();
UPDATE visits SET customer_id = 9 WHERE (shop, id) = (1, 2);
UPDATE labels_in SET name = 'other' WHERE (shop, label) = (2, 'l1');
SELECT * FROM differences();
UPDATE views SET shop = 3 - shop, visit = (visit + 1) % 5, visited_at = '2026-05-30Z'::timestamptz + (visit + 1) % 5 * interval '1 day' WHERE id % 7 = 0;
SELECT * FROM differences();
WITH v AS (UPDATE visits SET at = at + interval '3 days' WHERE id = 1), l AS (DELETE FROM labels_in WHERE shop = 1) UPDATE views SET visited_at = visited_at + interval '3 days' WHERE visit = 1;
SELECT * FROM differences();
UPDATE visits SET shop = NULL WHERE false;
UPDATE views SET shop = NULL, label = 'l1' WHERE id < 10;
UPDATE views SET shop = 70000 WHERE id = 12;
DELETE FROM visits WHERE id = 3;
SELECT * FROM differences();
SELECT * FROM visitor ORDER BY 1;
-- a foreign key of several columns says it all
CREATE TABLE bills (shop int, no int, customer_id bigint, at timestamptz, PRIMARY KEY (shop, no));
CREATE INDEX ON bills (customer_id, at);
CREATE TABLE bill_lines (no int, shop int, amount int, FOREIGN KEY (shop, no) REFERENCES bills);
CREATE INDEX ON bill_lines (shop, no);
SELECT segment.attach_source('bills', at => 'at', population => 'visitor');
SELECT segment.attach_source('bill_lines', through => 'bills', population => 'visitor');
SELECT segment.attach_source('bill_lines', through => 'bills', link => 'no, shop', population => 'visitor', name => 'again');
SELECT source, link, part, of_column, to_column FROM segment.source_link WHERE relation = 'bills'::regclass ORDER BY 1, 3;
SELECT segment.create_trait('billed', 'sum(again.amount)', 'visitor');
-- a column that is renamed is followed in its pair
ALTER TABLE bills RENAME no TO number;
ALTER TABLE bill_lines RENAME shop TO branch;
SELECT source, part, of_column, to_column FROM segment.source_link WHERE relation = 'bills'::regclass ORDER BY 1, 2;
INSERT INTO bills VALUES (1, 2, 3, '2026-05-01'), (2, 1, 9, '2026-05-01');
INSERT INTO bill_lines VALUES (2, 1, 10), (1, 2, 20), (2, 1, 30);
SELECT customer_id, billed FROM visitor WHERE billed > 0 ORDER BY 1;
SELECT * FROM segment.verify('visitor');
SET client_min_messages = warning;
SELECT segment.drop_population('visitor', cascade => true);
SELECT segment.drop_population('shop', cascade => true);
SELECT segment.drop_population('other', cascade => true);
DROP SCHEMA shop_links CASCADE;
DROP ROLE regress_segment_seller;
