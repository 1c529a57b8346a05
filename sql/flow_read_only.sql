-- What the extension keeps and shows is written by its functions and by events,
-- and by nobody else: not by its owner, not by a superuser.
CREATE SCHEMA shop_read_only;
SET search_path = shop_read_only;
SET timezone = 'UTC';
SET segment.now = '2026-05-01 12:00+00';

CREATE ROLE read_only_owner;
CREATE ROLE read_only_writer;
GRANT ALL ON SCHEMA shop_read_only TO read_only_owner, read_only_writer;
GRANT pg_read_server_files TO read_only_owner, read_only_writer;
CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text);
CREATE TABLE orders (id serial PRIMARY KEY, customer_id bigint, amount numeric, ordered_at timestamptz DEFAULT segment.now());
CREATE INDEX ON orders (customer_id, ordered_at);
ALTER TABLE customers OWNER TO read_only_owner;
ALTER TABLE orders OWNER TO read_only_owner;
SET ROLE read_only_owner;
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.create_trait('city', 'customers.city');
SELECT segment.create_trait('spend', 'sum(orders.amount)');
SELECT segment.create_trait('orders_30d', 'count(orders in last 30 days)');
SELECT segment.create_audience('vip', 'spend > 500');
SELECT segment.create_audience('local', 'city = "Aarhus" and in audience vip');
SELECT segment.create_consumer('crm');
CREATE VIEW over_profile AS SELECT * FROM profile;
INSERT INTO customers VALUES (1, 'Aarhus'), (2, 'Odense');
INSERT INTO orders (customer_id, amount) VALUES (1, 600), (2, 700);
RESET ROLE;

-- all that we have made, whether the script made it or a function
CREATE TABLE ours AS
SELECT oid::regclass AS relation, relkind FROM pg_class
WHERE relkind IN ('r', 'v') AND (relnamespace::regnamespace::text IN ('segment', 'segment_data')
    OR oid IN (SELECT view FROM segment.population UNION SELECT view FROM segment.audience));
\getenv abs_srcdir PG_ABS_SRCDIR
\set outcome :abs_srcdir '/test/outcome.sql'
\i :outcome
CREATE FUNCTION tried() RETURNS TABLE (relation regclass, relkind "char", command text, outcome text) LANGUAGE sql AS $$
    -- before 17 the server itself refuses to merge into a view
    SELECT relation, relkind, command,
        replace(regexp_replace(split_part(outcome(statement), E'\n', 1), 'segment\S+|"\w+"', '...'),
            '0A000 cannot execute MERGE on relation ...', '55000 cannot delete from view ...')
    FROM ours,
        LATERAL (SELECT attname AS one FROM pg_attribute
            WHERE attrelid = relation AND attnum > 0 AND attidentity = '' ORDER BY attnum LIMIT 1) AS a,
        LATERAL (VALUES
            ('insert', format('INSERT INTO %s (%I) SELECT %2$I FROM %1$s WHERE false', relation, one)),
            ('copy', format('COPY %s FROM ''/dev/null''', relation)),
            ('update', format('UPDATE %s SET %I = %2$I', relation, one)),
            ('delete', format('DELETE FROM %s', relation)),
            ('merge', format('MERGE INTO %s USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE', relation)),
            ('truncate', format('TRUNCATE %s', relation))) AS tried (command, statement)
$$;
CREATE VIEW summary AS
SELECT CASE WHEN relkind = 'v' THEN 'views' WHEN relation::text LIKE 'segment\_data.%' THEN 'a population''s tables'
    ELSE 'the extension''s tables' END AS what, command, outcome, count(*)
FROM tried() GROUP BY 1, 2, 3;

-- a superuser; then the owner of the population, and a role that was given all
-- rights that there are; restoring is what INSERT and COPY are left for
SELECT * FROM summary ORDER BY 1, 2, 3;
GRANT ALL ON ours, summary TO PUBLIC;
DO $$
DECLARE
    relation regclass;
BEGIN
    FOR relation IN SELECT o.relation FROM ours AS o LOOP
        EXECUTE format('GRANT ALL ON %s TO read_only_writer', relation);
    END LOOP;
END $$;
SET ROLE read_only_owner;
SELECT outcome, count(*) FROM tried() WHERE outcome NOT LIKE '42501%' GROUP BY 1 ORDER BY 1;
SELECT relation, command, outcome FROM tried() WHERE outcome = 'done';
SET ROLE read_only_writer;
SELECT outcome, count(*) FROM tried() GROUP BY 1 ORDER BY 1;
RESET ROLE;
SELECT count(*), sum(spend) FROM profile;
SELECT * FROM segment.verify();

-- the errors say what to do instead
UPDATE segment_data.profile SET source_rows = 0;
\echo :LAST_ERROR_SQLSTATE
DELETE FROM segment.audience;
\echo :LAST_ERROR_SQLSTATE
UPDATE profile SET city = 'Gotham';
\echo :LAST_ERROR_SQLSTATE
DELETE FROM over_profile;
SELECT segment.refuse_write();

-- who asks before is told
SELECT relation, pg_relation_is_updatable(relation, true) FROM ours WHERE relkind = 'v' AND pg_relation_is_updatable(relation, true) <> 0;
SELECT table_name, is_updatable, is_insertable_into FROM information_schema.views
WHERE table_schema IN ('segment', 'shop_read_only') AND 'YES' IN (is_updatable, is_insertable_into);
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema IN ('segment', 'shop_read_only') AND is_updatable = 'YES'
    AND table_name IN (SELECT table_name FROM information_schema.views);

-- and reading is as it was: by index, filters become the server's own quals
ANALYZE segment_data.profile;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT city FROM profile WHERE customer_id = 1;
-- (since 16 a removed join leaves the index alone enough)
SET enable_indexonlyscan = off;
EXPLAIN (COSTS OFF) SELECT o.id FROM orders o LEFT JOIN profile p USING (customer_id) WHERE o.id = 1;
RESET enable_indexonlyscan;
EXPLAIN (COSTS OFF) SELECT o.id, p.city FROM orders o LEFT JOIN over_profile p USING (customer_id) WHERE o.id = 1 AND p.orders_30d IS NULL;
EXPLAIN (COSTS OFF) SELECT customer_id FROM profile p WHERE p @@ 'city = "Aarhus" and customer_id = 1';
EXPLAIN (COSTS OFF) SELECT * FROM profile WHERE customer_id = 1 FOR UPDATE;
RESET enable_seqscan;

-- the owner's own triggers stay possible, but they do not write there either
SET ROLE read_only_owner;
CREATE TABLE audit (customer_id bigint, spend text);
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop_read_only.audit VALUES (NEW.customer_id, to_jsonb(NEW)->>(SELECT stored FROM segment.stored_trait WHERE definition = 'sum(orders.amount)'));
    RETURN NEW;
END $$;
CREATE TRIGGER audit BEFORE UPDATE ON segment_data.profile FOR EACH ROW EXECUTE FUNCTION audit();
INSERT INTO orders (customer_id, amount) VALUES (1, 1);
SELECT segment.create_trait('orders', 'count(orders)');
SELECT * FROM audit ORDER BY 1, 2;
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE segment_data.profile SET source_rows = 0 WHERE customer_id <> NEW.customer_id;
    RETURN NEW;
END $$;
CREATE TRIGGER meddle BEFORE UPDATE ON segment_data.profile FOR EACH ROW EXECUTE FUNCTION meddle();
SELECT segment.create_trait('avg_order', 'avg(orders.amount where amount > 1)');
DROP TRIGGER meddle ON segment_data.profile;
RESET ROLE;

-- a permit ends with the error that ends what had it
BEGIN;
SAVEPOINT one;
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
CREATE TRIGGER fail BEFORE UPDATE ON segment_data.profile FOR EACH ROW EXECUTE FUNCTION fail();
SAVEPOINT two;
SELECT segment.create_trait('x', 'sum(orders.amount where amount > 2)');
ROLLBACK TO two;
UPDATE segment_data.profile SET source_rows = 0;
ROLLBACK TO one;
SELECT segment.create_trait('x', 'sum(orders.amount where amount > 2)');
UPDATE segment_data.profile SET source_rows = 0;
ROLLBACK;

-- who restores data says so
SET segment.capture = off;
UPDATE segment_data.profile SET source_rows = source_rows;
UPDATE segment.audience SET description = description;
RESET segment.capture;

-- whose tables it is may alter them, which is noticed before they are read
BEGIN;
ALTER TABLE segment.audience ALTER COLUMN filter TYPE text;
SELECT segment.size('vip');
ROLLBACK;
BEGIN;
ALTER TABLE segment.population RENAME TO was_population;
CREATE VIEW segment.population AS SELECT * FROM segment.was_population;
SELECT segment.size('vip');
ROLLBACK;
BEGIN;
ALTER TABLE segment.trait DROP COLUMN population CASCADE;
SELECT segment.create_trait('y', '1', 'profile');
ROLLBACK;
BEGIN;
ALTER TABLE segment.trait ALTER COLUMN definition DROP NOT NULL;
SET LOCAL segment.capture = off;
UPDATE segment.trait SET definition = NULL;
SELECT segment.create_trait('y', '1', 'profile');
ROLLBACK;
BEGIN;
SET LOCAL segment.capture = off;
UPDATE segment.population SET base = 'customers';
SELECT segment.size('vip');
ROLLBACK;
BEGIN;
SET LOCAL segment.capture = off;
UPDATE segment.population SET key_type = 'text';
ALTER TABLE segment_data.profile SET (fillfactor = 71);
SELECT segment.is_member('vip', '1'::text);
ROLLBACK;
BEGIN;
SET LOCAL segment.capture = off;
UPDATE segment.population SET key_type = 'float8';
ALTER TABLE segment_data.profile SET (fillfactor = 71);
SELECT segment.is_member('vip', '1'::text);
ROLLBACK;

SET client_min_messages = warning;
DROP VIEW over_profile;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_read_only CASCADE;
DROP OWNED BY read_only_writer, read_only_owner;
DROP ROLE read_only_owner, read_only_writer;
