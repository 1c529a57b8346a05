-- A trait of most profiles, a source of most, a rebuild: the base table is
-- written anew, and is as small as it can be.  Who is to be told of each row is
-- told, by an UPDATE in place.
CREATE SCHEMA shop_rewrite;
SET search_path = shop_rewrite, public;
CREATE TABLE orders (id int PRIMARY KEY, customer_id bigint, amount numeric, note text, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
INSERT INTO orders SELECT i, 1 + i % 2000, i % 7, 'note ' || i % 300, '2026-05-01'::timestamptz + i * interval '1 minute'
    FROM generate_series(1, 10000) AS i;
ANALYZE orders;
SELECT segment.create_population('profile', 'customer_id');
SELECT segment.attach_source('orders', at => 'ordered_at');
CREATE TABLE noted (file oid, updated bigint);
CREATE FUNCTION note() RETURNS void LANGUAGE sql AS $$
    DELETE FROM shop_rewrite.noted;
    INSERT INTO shop_rewrite.noted SELECT pg_relation_filenode('segment_data.profile'), pg_stat_get_xact_tuples_updated('segment_data.profile'::regclass)
$$;
CREATE FUNCTION written(OUT anew boolean, OUT updated bigint) LANGUAGE sql AS $$
    SELECT pg_relation_filenode('segment_data.profile') <> file, pg_stat_get_xact_tuples_updated('segment_data.profile'::regclass) - updated
    FROM shop_rewrite.noted
$$;

-- anew: no row is updated, and the server could not make the table smaller
BEGIN;
SELECT note();
SELECT * FROM segment.create_traits('{"n": "count(orders)", "spent": "sum(orders.amount)", "notes": "list(distinct orders.note)"}');
SELECT * FROM written();
COMMIT;
SELECT pg_table_size('segment_data.profile') AS size, pg_indexes_size('segment_data.profile') AS indexes \gset
VACUUM FULL segment_data.profile;
SELECT :size <= pg_table_size('segment_data.profile') * 1.05 AS small, :indexes <= pg_indexes_size('segment_data.profile') * 1.05 AS small_indexes;
SELECT reltuples FROM pg_class WHERE oid = 'segment_data.profile'::regclass;
SELECT * FROM segment.verify();
INSERT INTO orders VALUES (20001, 7, 100, 'dear', '2026-06-01'), (20002, 7777, 50, 'new', '2026-06-01');
DELETE FROM orders WHERE customer_id = 8;
SELECT customer_id, n, spent, cardinality(notes) AS notes FROM profile WHERE customer_id IN (7, 8, 7777) ORDER BY 1;
SELECT * FROM segment.verify();

-- after rows that the same transaction has written, also in a savepoint that is given up
BEGIN;
UPDATE orders SET amount = amount + 1 WHERE customer_id < 500;
SAVEPOINT s;
SELECT segment.create_trait('dear', 'max(orders.amount)');
DELETE FROM orders WHERE customer_id < 300;
ROLLBACK TO s;
SELECT segment.create_trait('dear', 'max(orders.amount where note != "dear")');
DELETE FROM orders WHERE customer_id BETWEEN 300 AND 310;
COMMIT;
SELECT * FROM segment.verify();
SELECT sum(spent) = (SELECT sum(amount) FROM orders) AS right FROM profile;

-- values out of line are taken along
INSERT INTO orders SELECT 30000 + i, 1, 1, string_agg(md5((i * 100 + j)::text), ''), '2026-06-02' FROM generate_series(1, 300) AS i, generate_series(1, 3) AS j
    GROUP BY i;
SELECT segment.create_trait('last_note', 'last(orders.note)');
SELECT cardinality(notes), length(last_note) FROM profile WHERE customer_id = 1;
SELECT * FROM segment.verify();

-- only the events of a window, or those that a condition admits, are read; who has none has what nobody has
SELECT segment.create_trait('seldom', 'count(orders where note = "note 1")');
SELECT segment.create_trait('lately', 'sum(orders.amount where note = "dear" in last 30 days)');
SELECT segment.create_trait('first_dear', 'min(orders.ordered_at where note = "dear")');
SELECT seldom, count(*) FROM profile GROUP BY 1 ORDER BY 1;
SELECT * FROM segment.verify();

-- few have rows in it: these are updated
CREATE TABLE returns (id int PRIMARY KEY, customer_id bigint, at timestamptz);
INSERT INTO returns VALUES (1, 5, '2026-05-09'), (2, 6, '2026-05-10');
ANALYZE returns;
SET client_min_messages = warning;
SELECT segment.attach_source('returns', at => 'at');
RESET client_min_messages;
BEGIN;
SELECT note();
SELECT segment.create_trait('returned', 'count(returns)');
SELECT * FROM written();
COMMIT;
SELECT returned, count(*) FROM profile GROUP BY 1 ORDER BY 1;

-- a trigger of the owner's is to see each row, and so is a subscriber
CREATE TABLE seen (rows bigint);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO shop_rewrite.seen VALUES (1); RETURN NULL; END $$;
CREATE TRIGGER see AFTER UPDATE ON segment_data.profile FOR EACH ROW EXECUTE FUNCTION see();
BEGIN;
SELECT note();
SELECT segment.create_trait('a', 'sum(orders.id)');
SELECT anew, updated = (SELECT count(*) FROM profile WHERE n > 0) AS all_updated FROM written();
SELECT count(*) = (SELECT count(*) FROM profile WHERE n > 0) AS all_seen FROM seen;
ROLLBACK;
DROP TRIGGER see ON segment_data.profile;
SET client_min_messages = error;
CREATE PUBLICATION regress_rewrite FOR TABLE segment_data.profile;
RESET client_min_messages;
BEGIN;
SELECT note();
SELECT segment.create_trait('a', 'sum(orders.id)');
SELECT anew, updated > 0 AS updated FROM written();
ROLLBACK;
DROP PUBLICATION regress_rewrite;

-- a source of most profiles, of which some are new: these have the defaults, numbers in the order of keys among them
CREATE TABLE visits (id int PRIMARY KEY, customer_id bigint, at timestamptz);
CREATE INDEX ON visits (customer_id, at);
INSERT INTO visits SELECT i, nullif(500 + i % 2500, 500), '2026-05-01' FROM generate_series(1, 5000) AS i;
ANALYZE visits;
SELECT max(ord) AS last FROM segment_data.profile \gset
BEGIN;
SELECT note();
SELECT segment.attach_source('visits', at => 'at');
SELECT anew, updated FROM written();
-- in the same transaction, after a savepoint that is given up, and below one that stays
INSERT INTO visits VALUES (6001, 3001, '2026-05-02'), (6002, 700, '2026-05-02');
SAVEPOINT s;
SELECT segment.rebuild();
DELETE FROM visits WHERE customer_id = 2999;
ROLLBACK TO s;
SELECT segment.rebuild();
RELEASE s;
SELECT anew, updated FROM written();
COMMIT;
SELECT count(*), count(*) = max(ord) - min(ord) + 1 AS dense, array_agg(customer_id ORDER BY ord) = array_agg(customer_id ORDER BY customer_id) AS by_key,
       array_agg(DISTINCT evaluated_at) AS evaluated_at FROM segment_data.profile WHERE ord > :last AND customer_id <= 3000;
SELECT pg_table_size('segment_data.profile') AS size, pg_indexes_size('segment_data.profile') AS indexes \gset
VACUUM FULL segment_data.profile;
SELECT :size <= pg_table_size('segment_data.profile') * 1.05 AS small, :indexes <= pg_indexes_size('segment_data.profile') * 1.05 AS small_indexes;
SELECT * FROM segment.verify();

-- rows that came and went past capture: profiles that come, that go, and one that is not in any source
SET segment.capture = off;
INSERT INTO visits SELECT 7000 + i, 4000 + i, '2026-05-01' FROM generate_series(1, 3) AS i;
DELETE FROM visits WHERE customer_id BETWEEN 2900 AND 2902;
UPDATE orders SET amount = amount + 1 WHERE customer_id = 9;
RESET segment.capture;
SELECT source, definition, count(*), min(key::int) FROM segment.verify() GROUP BY 1, 2 ORDER BY 1, 2;
BEGIN;
SELECT note();
SELECT segment.rebuild();
SELECT anew, updated FROM written();
SELECT * FROM segment.verify();
SELECT customer_id, n FROM profile WHERE customer_id IN (2899, 2900, 4001) ORDER BY 1;
ROLLBACK;

-- the same in place
SET client_min_messages = error;
CREATE PUBLICATION regress_rewrite FOR TABLE segment_data.profile;
RESET client_min_messages;
BEGIN;
SELECT note();
SELECT segment.rebuild();
SELECT anew, updated = (SELECT count(*) FROM profile) + 3 AS all_updated FROM written();
SELECT * FROM segment.verify();
SELECT customer_id, n FROM profile WHERE customer_id IN (2899, 2900, 4001) ORDER BY 1;
ROLLBACK;
DROP PUBLICATION regress_rewrite;

-- what its owner has added needs a default, as in an INSERT
ALTER TABLE segment_data.profile ADD COLUMN region text NOT NULL DEFAULT 'north';
BEGIN;
SELECT segment.rebuild();
SELECT region, count(*) FROM segment_data.profile WHERE customer_id > 4000 GROUP BY 1;
ROLLBACK;
ALTER TABLE segment_data.profile ALTER COLUMN region DROP DEFAULT;
SET segment.capture = off;
ALTER TABLE segment_data.profile ALTER COLUMN region DROP DEFAULT;
RESET segment.capture;
SELECT segment.rebuild();
ALTER TABLE segment_data.profile DROP COLUMN region;
SELECT segment.rebuild();
SELECT * FROM segment.verify();

-- a query that runs in parallel brings new profiles: their defaults are computed after it
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET min_parallel_index_scan_size = 0;
SET segment.capture = off;
INSERT INTO orders SELECT 40000 + i, 5000 + i % 500, 1, 'by night', '2026-05-03' FROM generate_series(1, 5000) AS i;
RESET segment.capture;
SELECT max(ord) AS last FROM segment_data.profile \gset
BEGIN;
SELECT note();
SELECT segment.rebuild();
SELECT anew, updated FROM written();
COMMIT;
SELECT count(*), count(*) = max(ord) - min(ord) + 1 AS dense, array_agg(customer_id ORDER BY ord) = array_agg(customer_id ORDER BY customer_id) AS by_key
    FROM segment_data.profile WHERE ord > :last AND customer_id >= 5000;
SELECT * FROM segment.verify();
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET min_parallel_index_scan_size;

-- few of a source: these are updated, and readers go on
BEGIN;
SELECT note();
SELECT segment.attach_source('returns', name => 'late_returns', at => 'at');
SELECT * FROM written();
SELECT mode FROM pg_locks WHERE relation = 'segment_data.profile'::regclass AND pid = pg_backend_pid() AND mode = 'AccessExclusiveLock';
ROLLBACK;

-- a cursor that reads the table is in the way, as of any ALTER TABLE
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM profile;
FETCH 1 FROM c \g (format=unaligned tuples_only=on) /dev/null
SELECT segment.create_trait('a', 'sum(orders.id)');
ROLLBACK;

SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_rewrite CASCADE;
