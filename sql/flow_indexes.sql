-- Of a profile that is written the indexes of the base table get an entry where its
-- page is full: of the key and the number, which stay; of the owner's columns; and
-- of what is not unique in a unique one, an error.
CREATE SCHEMA shop_indexes;
SET search_path = shop_indexes, public;
SET client_min_messages = warning;
CREATE TABLE orders (customer_id bigint, amount int, ordered_at timestamptz);
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.create_trait('spend', 'sum(orders.amount)');
SELECT segment.create_trait('recent', 'sum(orders.amount in last 365 days)');
SET segment.now = '2026-05-02 00:00+00';

-- does each index have one entry of each profile that is there, which finds it?
CREATE FUNCTION found_by(cond text) RETURNS bigint LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    found bigint;
BEGIN
    EXECUTE 'SELECT count(*) FROM segment_data.profile WHERE ' || cond INTO found;
    RETURN found;
END $$;

-- all rows of a page at once, of 3,000 profiles; two times in a transaction
INSERT INTO orders SELECT i, 1, '2026-05-01' FROM generate_series(1, 3000) i;
INSERT INTO orders SELECT i, 2, '2026-05-01' FROM generate_series(1, 3000) i, generate_series(1, 9);
BEGIN;
INSERT INTO orders SELECT i, 3, '2026-05-01' FROM generate_series(1, 3000) i, generate_series(1, 9);
INSERT INTO orders SELECT i, 4, '2026-05-01' FROM generate_series(1, 3000) i, generate_series(1, 9);
COMMIT;
BEGIN;
INSERT INTO orders SELECT i, 5, '2026-05-01' FROM generate_series(1, 4000) i, generate_series(1, 9);
ROLLBACK;
SELECT count(*), min(spend), max(spend) FROM profile;
SELECT found_by('customer_id BETWEEN 1 AND 3000'), found_by('ord > 0'),
       (SELECT count(*) FROM generate_series(1, 3000, 10) i WHERE found_by('customer_id = ' || i) = 1);
-- nobody makes a second one
DO $$
BEGIN
    INSERT INTO orders VALUES (7, 1, '2026-05-01');
    INSERT INTO orders VALUES (3001, 1, '2026-05-01');
END $$;
SELECT customer_id, spend FROM profile WHERE customer_id IN (7, 3001) ORDER BY customer_id;
SELECT count(*) FROM segment.verify('profile');

-- the owner's indexes, of a column that changes and of some profiles
SELECT stored AS spend FROM segment.stored_trait WHERE definition = 'sum(orders.amount)' \gset
CREATE INDEX profile_spend ON segment_data.profile (:spend) INCLUDE (source_rows);
CREATE INDEX profile_large ON segment_data.profile (customer_id) WHERE source_rows > 30;
INSERT INTO orders SELECT i, i, '2026-05-01' FROM generate_series(1, 3000) i, generate_series(1, 9);
SELECT found_by(:'spend' || ' > 0'), found_by('source_rows > 30 AND customer_id > 0');
DROP INDEX segment_data.profile_spend, segment_data.profile_large;

-- a unique one, of what a statement makes the same
DELETE FROM orders WHERE customer_id > 5;
DELETE FROM orders WHERE amount > 1;
INSERT INTO orders SELECT i, i * 10, '2026-05-01' FROM generate_series(1, 5) i;
SELECT customer_id, spend FROM profile ORDER BY customer_id;
CREATE UNIQUE INDEX profile_unique ON segment_data.profile (:spend);
INSERT INTO orders VALUES (2, 1, '2026-05-01');
\set VERBOSITY terse
DO $$
BEGIN
    INSERT INTO orders VALUES (2, 9, '2026-05-01');
EXCEPTION WHEN unique_violation THEN
    RAISE WARNING 'not unique';
END $$;
INSERT INTO orders VALUES (2, 8, '2026-05-01'), (3, 10, '2026-05-01');
SELECT customer_id, spend FROM profile ORDER BY customer_id;
DROP SCHEMA shop_indexes CASCADE;
SELECT segment.drop_population('profile', cascade => true);
