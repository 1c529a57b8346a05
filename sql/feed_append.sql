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
CREATE FUNCTION told() RETURNS TABLE (population text, audience text, key text, change text, at timestamptz, recorded_at timestamptz, cause text, profiles bigint, members bytea, audiences text[], entered boolean[], follows boolean) LANGUAGE plpgsql AS $$
DECLARE
    before bigint := (SELECT coalesce(max(seq), 0) FROM segment.feed);
BEGIN
    INSERT INTO customers SELECT 'c' || i, i % 10 FROM generate_series(1, 1234) AS i;
    UPDATE customers SET points = 8 WHERE name IN ('c1', 'c2');
    PERFORM segment.tick();
    RETURN QUERY SELECT f.population, f.audience, f.key, f.change, f.at, f.recorded_at, f.cause, f.profiles, f.members, f.audiences, f.entered,
        f.seq = before + sum(coalesce(cardinality(f.audiences), 1)) OVER (ORDER BY f.seq)
        FROM segment.feed AS f WHERE f.seq > before ORDER BY f.seq;
    DELETE FROM customers;
    PERFORM segment.tick();
END $$;
CREATE TABLE by_table AS SELECT * FROM told();
SELECT audience, change, audiences, entered, cause, profiles, members, follows, count(*), count(DISTINCT key), min(at), max(recorded_at)
FROM by_table GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1, 2, 3, 4;
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
CREATE UNIQUE INDEX once ON segment.feed (key) WHERE key = 'c9' AND recorded_at > '2026-06-01 00:00+00';
SELECT count(*) FROM told();
ROLLBACK;

-- what a profile enters and leaves at one instant is one row, unless it is long; whoever reads it is told of each
SELECT count(*) AS audiences FROM segment.create_audiences((SELECT json_object_agg(rpad('over ' || i || ' ', 40, '*'), 'points > ' || 10 * i) FROM generate_series(1, 60) AS i), view => false);
SELECT segment.create_consumer('crm');
INSERT INTO customers VALUES ('Ada', 0), ('Ben', 0);
UPDATE customers SET points = CASE name WHEN 'Ada' THEN 1000 ELSE 25 END;
UPDATE customers SET points = 0 WHERE name = 'Ada';
SELECT swept, folded, pending FROM segment.tick();
CREATE TABLE come AS SELECT f.* FROM segment.feed AS f, segment.consumer AS c WHERE f.seq > c.acknowledged;
SELECT seq - min(seq) OVER () AS seq, audience, key, change, cardinality(audiences) AS audiences, cardinality(entered) AS entered, audiences[1] AS first FROM come ORDER BY 1;
SELECT bool_and(pg_column_size(come.*) < 2000) AS short FROM come;
-- each way to read them tells the same
CREATE TABLE told AS SELECT t.* FROM segment.transition AS t, segment.consumer AS c WHERE t.seq > c.acknowledged;
SELECT key, change, count(*), max(seq) - min(seq) + 1 AS numbers, min(audience), max(profiles) FROM told GROUP BY key, change ORDER BY min(seq);
SELECT count(*) AS differ FROM ((SELECT seq, audience, key, change, at, cause FROM told EXCEPT ALL
    SELECT f.seq - cardinality(f.audiences) + n, a, f.key, CASE WHEN e THEN 'entered' ELSE 'left' END, f.at, f.cause FROM come AS f, unnest(f.audiences, f.entered) WITH ORDINALITY AS u(a, e, n))
    EXCEPT ALL SELECT seq, audience, key, change, at, cause FROM come WHERE audiences IS NULL) AS d;
CREATE FUNCTION polled(n bigint) RETURNS SETOF segment.transition LANGUAGE plpgsql AS $$
DECLARE
    given bigint := 1;
BEGIN
    WHILE given > 0 LOOP
        RETURN QUERY SELECT * FROM segment.poll('crm', n, members => n % 2 = 0);
        GET DIAGNOSTICS given = ROW_COUNT;
        PERFORM segment.ack('crm', polled) FROM segment.consumer;
    END LOOP;
END $$;
CREATE FUNCTION read_by(n bigint) RETURNS SETOF segment.transition LANGUAGE plpgsql AS $$
DECLARE
    position bigint := (SELECT min(seq) - 1 FROM shop_append.told);
BEGIN
    WHILE position < (SELECT max(seq) FROM shop_append.told) LOOP
        RETURN QUERY SELECT * FROM segment.transitions(after => position, n => n);
        position := position + n;
    END LOOP;
END $$;
SELECT n, (SELECT count(*) FROM (SELECT * FROM read_by(n) EXCEPT ALL TABLE told) AS d) AS more, (SELECT count(*) FROM (TABLE told EXCEPT ALL SELECT * FROM read_by(n)) AS d) AS fewer
FROM unnest('{1,7,50,1000}'::bigint[]) AS n;
SELECT count(*) AS differ FROM (SELECT * FROM polled(13) EXCEPT ALL TABLE told) AS d;
SELECT acknowledged = (SELECT max(seq) FROM told) AS all_polled FROM segment.consumer;
-- it is removed as a whole, and at most so many
SET segment.now = '2026-09-01 12:00+00';
CREATE FUNCTION kept() RETURNS bigint LANGUAGE sql AS $$ SELECT last - trimmed FROM segment.feed_counter $$;
SELECT segment.trim_feed('1 day') > 0 AS trimmed, kept();
INSERT INTO customers VALUES ('Cleo', 1000), ('Dan', 1000);
SELECT folded FROM segment.tick();
SET segment.now = '2026-12-01 12:00+00';
SELECT segment.ack('crm', max(seq)) FROM segment.poll('crm', 1000);
SELECT kept(), (SELECT count(*) FROM segment.feed) AS rows;
SELECT folded, kept() FROM segment.tick(1);
SELECT folded, kept() FROM segment.tick(4);
SELECT folded, kept() FROM segment.tick(400);
-- lists that are damaged
INSERT INTO customers VALUES ('Eve', 1000);
SELECT folded FROM segment.tick();
ALTER TABLE segment.feed DISABLE TRIGGER segment_read_only;
BEGIN;
UPDATE segment.feed SET entered = entered[2:];
SELECT count(*) FROM segment.transition;
ROLLBACK;
BEGIN;
UPDATE segment.feed SET entered[1] = NULL;
SELECT count(*) FROM segment.transitions();
ROLLBACK;
ALTER TABLE segment.feed ENABLE TRIGGER segment_read_only;
SELECT * FROM segment.verify();

SET client_min_messages = warning;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_append CASCADE;
