-- Transitions are appended to the feed by the table API; where its owner has put something of their own on the table, by
-- statements.  Both ways write the same rows, and nothing of the owner's is passed by.
CREATE SCHEMA shop_append;
SET search_path = shop_append;
SET timezone = 'UTC';
SET segment.now = '2026-05-01 12:00+00';

CREATE TABLE customers (name text PRIMARY KEY, points int);
SELECT segment.create_population('profile', key => 'name', key_type => 'text');
SELECT segment.attach_source('customers', key => 'name');
SELECT segment.create_trait('points', 'customers.points');
SELECT segment.create_audience('vip', 'points > 5', view => false);
SELECT segment.create_audience('odd', 'points in (1, 3, 5, 7, 9)', view => false);
-- what a fold of some changes tells, by whichever way
CREATE FUNCTION told() RETURNS TABLE (population name, audience name, key text, change text, at timestamptz, recorded_at timestamptz, cause text, profiles bigint, members bytea, follows boolean) LANGUAGE plpgsql AS $$
DECLARE
    before bigint := (SELECT coalesce(max(seq), 0) FROM segment.feed);
BEGIN
    INSERT INTO customers SELECT 'c' || i, i % 10 FROM generate_series(1, 1234) AS i;
    UPDATE customers SET points = 8 WHERE name IN ('c1', 'c2');
    PERFORM segment.tick();
    RETURN QUERY SELECT f.population, f.audience, f.key, f.change, f.at, f.recorded_at, f.cause, f.profiles, f.members, f.seq = before + row_number() OVER (ORDER BY f.seq)
        FROM segment.feed AS f WHERE f.seq > before ORDER BY f.seq;
    DELETE FROM customers;
    PERFORM segment.tick();
END $$;
CREATE TABLE by_table AS SELECT * FROM told();
SELECT audience, change, cause, profiles, members, follows, count(*), count(DISTINCT key), min(at), max(recorded_at) FROM by_table GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2;
CREATE FUNCTION differ(way text) RETURNS TABLE (by text, differ bigint) LANGUAGE sql AS $$
    SELECT way, count(*) FROM (TABLE by_statement EXCEPT ALL TABLE by_table UNION ALL (TABLE by_table EXCEPT ALL TABLE by_statement)) AS d
$$ SET check_function_bodies = off;

-- triggers of rows and of statements see each row once
CREATE TABLE heard (what text, rows bigint);
CREATE FUNCTION hear_statement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop_append.heard SELECT 'statement', count(*) FROM came;
    RETURN NULL;
END $$;
CREATE FUNCTION hear_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop_append.heard VALUES ('row', 1);
    RETURN NEW;
END $$;
BEGIN;
CREATE TRIGGER hear_rows BEFORE INSERT ON segment.feed FOR EACH ROW EXECUTE FUNCTION hear_row();
CREATE TABLE by_statement AS SELECT * FROM told();
SELECT * FROM differ('row trigger');
SELECT what, count(*), sum(rows) FROM heard GROUP BY 1;
ROLLBACK;
BEGIN;
CREATE TRIGGER hear_statements AFTER INSERT ON segment.feed REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION hear_statement();
CREATE TABLE by_statement AS SELECT * FROM told();
SELECT * FROM differ('statement trigger');
SELECT what, sum(rows) FROM heard GROUP BY 1;
ROLLBACK;

-- so do columns, constraints and indexes
BEGIN;
ALTER TABLE segment.feed ADD noted text DEFAULT 'noted', ADD tenfold bigint GENERATED ALWAYS AS (seq * 10) STORED;
CREATE TABLE by_statement AS SELECT * FROM told();
SELECT * FROM differ('columns');
SELECT count(*), count(noted), count(*) FILTER (WHERE tenfold = seq * 10) AS tenfold FROM segment.feed WHERE key = 'c1';
ROLLBACK;
BEGIN;
ALTER TABLE segment.feed ADD CONSTRAINT no_c7 CHECK (key <> 'c7') NOT VALID;
SELECT count(*) FROM told();
ROLLBACK;
BEGIN;
SET LOCAL segment.now = '2026-06-02 12:00+00';
CREATE UNIQUE INDEX once ON segment.feed (key, audience) WHERE key = 'c9' AND recorded_at > '2026-06-01 00:00+00';
SELECT count(*) FROM told();
ROLLBACK;
SELECT * FROM segment.verify();

SET client_min_messages = warning;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_append CASCADE;
