-- Keys of many types: what SQL holds to be equal is one profile.
CREATE SCHEMA shop_keys;
SET search_path = shop_keys, public;
SET jit = off;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS citext;
RESET client_min_messages;
CREATE DOMAIN customer_no AS bigint CHECK (VALUE > 0);
CREATE DOMAIN account_no AS customer_no;
CREATE DOMAIN address AS citext;
CREATE TYPE branch AS ENUM ('Aarhus', 'Odense', 'Ribe');

-- one population of text: how each source writes the same customer
CREATE TABLE mails (id int PRIMARY KEY, email citext, size int, at timestamptz);
CREATE INDEX ON mails (email, at);
CREATE TABLE tickets (id int PRIMARY KEY, email varchar(40), size int, at timestamptz);
CREATE INDEX ON tickets (email, at);
CREATE TABLE letters (id int PRIMARY KEY, email char(16), size int, at timestamptz);
CREATE INDEX ON letters (email, at);
CREATE TABLE people (email address PRIMARY KEY, name text);
SELECT segment.create_population('contacts', key => 'email', key_type => 'citext');
SELECT segment.attach_source('mails', at => 'at');
SELECT segment.attach_source('tickets', at => 'at');
SELECT segment.attach_source('letters', at => 'at');
SELECT segment.attach_source('people');
SELECT segment.create_trait('name', 'people.name');
SELECT segment.create_trait('mails', 'count(mails)');
SELECT segment.create_trait('mail_size', 'max(mails.size)');
SELECT segment.create_trait('tickets', 'max(tickets.size)');
SELECT segment.create_trait('letters', 'max(letters.size)');
INSERT INTO people VALUES ('Ada@Shop.dk', 'Ada'), ('ben@shop.dk', 'Ben');
INSERT INTO mails VALUES (1, 'ADA@shop.dk', 10, '2026-05-01'), (2, 'ada@Shop.DK', 20, '2026-05-02'), (3, 'Ben@Shop.dk', 5, '2026-05-03');
INSERT INTO tickets VALUES (1, 'ada@shop.dk', 1, '2026-05-01'), (2, 'ben@shop.dk', 2, '2026-05-01'), (3, 'ben@shop.dk', 3, '2026-05-01');
INSERT INTO letters VALUES (1, 'ada@shop.dk', 1, '2026-05-01'), (2, 'ada@shop.dk   ', 9, '2026-05-02');
SELECT * FROM contacts ORDER BY 1;
-- what was the largest goes: the source is read again, by its index
DELETE FROM mails WHERE id = 2;
DELETE FROM tickets WHERE id = 3;
DELETE FROM letters WHERE id = 2;
SELECT * FROM contacts ORDER BY 1;
SELECT * FROM segment.verify('contacts');
-- another way to write it is no change
UPDATE mails SET email = upper(email::text) WHERE id = 1;
UPDATE people SET email = lower(email::text);
SELECT * FROM contacts ORDER BY 1;
SELECT segment.rebuild('contacts');
SELECT * FROM segment.verify('contacts');
SELECT c.email, p.name FROM contacts c JOIN people p ON c.email = lower(p.email::text) ORDER BY 1;
SELECT segment.create_audience('mailed', 'mails > 0', population => 'contacts', view => false);
SELECT segment.is_member('mailed', 'ada@shop.dk');
SELECT segment.drop_population('contacts', cascade => true);

-- labels of an enum
CREATE TABLE stock (branch branch, item text, amount int, at timestamptz);
CREATE INDEX ON stock (branch, at);
CREATE TABLE branches (branch branch PRIMARY KEY, phone text);
INSERT INTO branches VALUES ('Ribe', '75');
SELECT segment.create_population('shops', key => 'branch', key_type => 'branch');
SELECT segment.attach_source('stock', at => 'at');
SELECT segment.attach_source('branches');
SELECT segment.create_trait('phone', 'branches.phone');
SELECT segment.create_trait('most', 'max(stock.amount)');
INSERT INTO stock VALUES ('Aarhus', 'tea', 7, '2026-05-01'), ('Odense', 'tea', 3, '2026-05-01'), ('Aarhus', 'cup', 5, '2026-05-01'), (NULL, 'cup', 5, '2026-05-01');
DELETE FROM stock WHERE amount = 7;
SELECT * FROM shops ORDER BY 1;
SELECT * FROM segment.verify('shops');
SELECT segment.drop_population('shops', cascade => true);

-- unsigned numbers of 64 bits, and how other tables hold them
CREATE TABLE visits (visitor numeric(20), pages int, at timestamptz);
CREATE INDEX ON visits (visitor, at);
CREATE TABLE orders (customer account_no, amount int, at timestamptz);
CREATE INDEX ON orders (customer, at);
CREATE TABLE calls (customer smallint, minutes int, at timestamptz);
CREATE INDEX ON calls (customer, at);
CREATE TABLE loose (customer numeric, n int, at timestamptz);
CREATE INDEX ON loose (customer, at);
SELECT segment.create_population('visitors', key => 'visitor', key_type => 'numeric');
SELECT segment.attach_source('visits', at => 'at');
SELECT segment.attach_source('orders', key => 'customer', at => 'at');
SELECT segment.attach_source('calls', key => 'customer', at => 'at');
SELECT segment.attach_source('loose', key => 'customer', at => 'at');
SELECT segment.create_trait('pages', 'max(visits.pages)');
SELECT segment.create_trait('amount', 'max(orders.amount)');
SELECT segment.create_trait('minutes', 'max(calls.minutes)');
SELECT segment.create_trait('n', 'max(loose.n)');
INSERT INTO visits VALUES (18446744073709551615, 1, '2026-05-01'), (18446744073709551615, 4, '2026-05-01'), (7, 2, '2026-05-01');
INSERT INTO orders VALUES (7, 10, '2026-05-01'), (7, 20, '2026-05-01'), (100000, 30, '2026-05-01');
INSERT INTO calls VALUES (7, 3, '2026-05-01'), (7, 9, '2026-05-01');
INSERT INTO loose VALUES (7.00, 1, '2026-05-01'), (7.0, 2, '2026-05-01'), (7, 3, '2026-05-01'), (7.5, 4, '2026-05-01'), (1e2, 4, '2026-05-01'), (100.000, 5, '2026-05-01');
DELETE FROM visits WHERE pages = 4;
DELETE FROM orders WHERE amount = 20;
DELETE FROM calls WHERE minutes = 9;
DELETE FROM loose WHERE n = 3 OR n = 5;
SELECT * FROM visitors ORDER BY 1;
SELECT * FROM segment.verify('visitors');
SELECT segment.rebuild('visitors');
SELECT * FROM segment.verify('visitors');
SELECT segment.create_audience('busy', 'pages > 0', view => false);
SELECT segment.is_member('busy', '18446744073709551615'), segment.is_member('busy', 7), segment.is_member('busy', '7.00'), segment.is_member('busy', 8);
SELECT * FROM segment.audiences(7);
SELECT * FROM segment.explain('busy', '18446744073709551615');
SELECT * FROM segment.members('busy') AS m(visitor numeric) ORDER BY 1;
SELECT segment.tick() IS NOT NULL;
SELECT key, change FROM segment.transition ORDER BY key;
\set VERBOSITY terse
INSERT INTO loose VALUES (('1' || repeat('0', 20000) || '7')::numeric, 1, '2026-05-01');
\set VERBOSITY default
SELECT segment.drop_population('visitors', cascade => true);

-- many keys of a statement are found by reading on in the index: some are there, some are new, and some come again
CREATE FUNCTION many(type text, key text) RETURNS TABLE (profiles bigint, wrong bigint) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE things (id int PRIMARY KEY, thing %s, size int, at timestamptz)', type);
    CREATE INDEX ON things (thing, at);
    PERFORM segment.create_population('many', key => 'thing', key_type => type);
    PERFORM segment.attach_source('things', at => 'at');
    PERFORM segment.create_trait('things', 'count(things)'), segment.create_trait('largest', 'max(things.size)');
    EXECUTE format('INSERT INTO things SELECT i, %s, i, ''2026-05-01'' FROM generate_series(1, 900, 3) i', key);
    EXECUTE format('INSERT INTO things SELECT 1000 + i, %s, i, ''2026-05-02'' FROM generate_series(1, 900, 2) i', key);
    EXECUTE format('INSERT INTO things SELECT 2000 + i, %s, -i, ''2026-05-03'' FROM generate_series(1, 900) i', key);
    DELETE FROM things WHERE id > 2000 AND id % 7 > 2;
    DELETE FROM things WHERE size > 0 AND id % 5 > 2;
    UPDATE things SET size = size - 1;
    EXECUTE 'SELECT count(*) FROM many' INTO profiles;
    EXECUTE 'SELECT count(*) FROM segment.verify(''many'')' INTO wrong;
    PERFORM segment.drop_population('many', cascade => true);
    DROP TABLE things;
    RETURN NEXT;
END $$;
SELECT * FROM many('bigint', '(i * 7919 % 1000)::bigint');
SELECT * FROM many('text', $$'thing ' || i * 7919 % 1000$$);
SELECT * FROM many('uuid', $$md5(i::text)::uuid$$);
SELECT * FROM many('numeric', '(i * 7919 % 1000) / 8.0');

-- a domain is what it is made of, and smallint is an integer
SELECT segment.create_population('accounts', key => 'customer', key_type => 'account_no');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_population('few', key => 'customer', key_type => 'smallint');
SELECT segment.attach_source('calls', at => 'at', population => 'few');
SELECT population, key_type FROM segment.population ORDER BY 1;
SELECT segment.drop_population('few', cascade => true);
-- what does not fit
SELECT segment.attach_source('mails', key => 'email', at => 'at');
SELECT segment.attach_source('loose', key => 'customer', at => 'at');
SELECT segment.drop_population('accounts', cascade => true);
SELECT segment.create_population('p', key_type => 'timestamptz');
SELECT segment.create_population('p', key_type => 'point');
SET client_min_messages = warning;
DROP SCHEMA shop_keys CASCADE;
