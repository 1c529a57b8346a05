-- Whatever a statement does to the events, the traits are what naive SQL says.
--
-- After each statement differences() compares the population's view with
-- queries over the tables that know nothing of the extension; it must be empty.
CREATE SCHEMA shop_flow;
SET search_path = shop_flow, public;
-- nothing here is big enough to be worth compiling
SET jit = off;

CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text);
CREATE TABLE orders (id bigint PRIMARY KEY, amount numeric, customer_id bigint,
                     note text, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE TABLE visits (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers ON DELETE CASCADE,
                     at timestamptz);
CREATE INDEX ON visits (customer_id, at);

SELECT segment.create_population('profile');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.attach_source('visits', at => 'at');
SELECT segment.create_trait('city', 'customers.city');
SELECT segment.create_trait('orders', 'count(orders)');
SELECT segment.create_trait('spend', 'sum(orders.amount)');
SELECT segment.create_trait('large', 'count(orders where amount >= 50)');
SELECT segment.create_trait('largest', 'max(orders.amount)');
SELECT segment.create_trait('smallest', 'min(orders.amount)');
SELECT segment.create_trait('first_amount', 'first(orders.amount)');
SELECT segment.create_trait('last_amount', 'last(orders.amount)');
SELECT segment.create_trait('amounts', 'list(distinct orders.amount)');
SELECT segment.create_trait('usual', 'most_frequent(orders.amount)');
SELECT segment.create_trait('visits', 'count(visits)');
SELECT segment.create_trait('last_visit', 'max(visits.at)');

CREATE VIEW naive AS
SELECT k.customer_id, c.city,
       count(o.id) AS orders,
       coalesce(sum(o.amount), 0) AS spend,
       count(*) FILTER (WHERE o.amount >= 50) AS large,
       max(o.amount) AS largest,
       min(o.amount) AS smallest,
       (SELECT f.amount FROM orders f WHERE f.customer_id = k.customer_id AND f.amount IS NOT NULL
        AND f.ordered_at IS NOT NULL ORDER BY f.ordered_at, f.amount LIMIT 1) AS first_amount,
       (SELECT l.amount FROM orders l WHERE l.customer_id = k.customer_id AND l.amount IS NOT NULL
        AND l.ordered_at IS NOT NULL ORDER BY l.ordered_at DESC, l.amount LIMIT 1) AS last_amount,
       ARRAY(SELECT DISTINCT d.amount FROM orders d WHERE d.customer_id = k.customer_id
             AND d.amount IS NOT NULL ORDER BY 1) AS amounts,
       (SELECT u.amount FROM orders u WHERE u.customer_id = k.customer_id AND u.amount IS NOT NULL
        GROUP BY u.amount ORDER BY count(*) DESC, max(u.ordered_at) DESC NULLS LAST, u.amount LIMIT 1) AS usual,
       (SELECT count(*) FROM visits v WHERE v.customer_id = k.customer_id) AS visits,
       (SELECT max(v.at) FROM visits v WHERE v.customer_id = k.customer_id) AS last_visit
FROM (SELECT customer_id FROM customers UNION SELECT customer_id FROM orders WHERE customer_id IS NOT NULL
      UNION SELECT customer_id FROM visits WHERE customer_id IS NOT NULL) k
     LEFT JOIN customers c USING (customer_id)
     LEFT JOIN orders o ON o.customer_id = k.customer_id
GROUP BY k.customer_id, c.city;

CREATE FUNCTION differences(OUT which text, OUT profile text) RETURNS SETOF record
LANGUAGE sql AS $$
    SELECT 'stored', a::text FROM (TABLE profile EXCEPT ALL TABLE naive) a
    UNION ALL
    SELECT 'naive', b::text FROM (TABLE naive EXCEPT ALL TABLE profile) b
    UNION ALL
    SELECT 'verify', v::text FROM segment.verify('profile') v
$$;
-- a comparison that cannot fail would prove nothing
CREATE VIEW wrong AS SELECT * FROM naive LIMIT 0;

-- INSERT: several rows of several customers, one without, some values missing
INSERT INTO customers VALUES (1, 'Aarhus'), (2, 'Odense'), (3, NULL);
INSERT INTO orders VALUES
    (1, 10, 1, NULL, '2026-05-01'), (2, 60, 1, NULL, '2026-05-02'), (3, 10, 1, NULL, '2026-05-03'),
    (4, 20, 2, NULL, '2026-05-01'), (5, 20, NULL, NULL, '2026-05-01'), (6, NULL, 2, NULL, '2026-05-04'),
    (7, 99, 4, NULL, NULL), (8, 5, 3, NULL, 'infinity');
TABLE profile ORDER BY 1;
SELECT * FROM differences();
SELECT count(*) FROM (TABLE profile EXCEPT ALL TABLE wrong) p;

-- COPY
COPY orders FROM stdin;
10	11.5	1	copied	2026-05-05
11	80	5	copied	2026-05-05
12	80	5	copied	2026-05-06
\.
SELECT * FROM differences();

-- UPDATE: of values, of the key, of what no trait reads, of all at once
UPDATE orders SET amount = amount + 1 WHERE customer_id = 1;
SELECT * FROM differences();
UPDATE orders SET customer_id = 3 WHERE id = 2;
SELECT * FROM differences();
UPDATE orders SET customer_id = CASE customer_id WHEN 1 THEN 5 WHEN 5 THEN 1 ELSE customer_id END;
SELECT * FROM differences();
UPDATE orders SET customer_id = NULL WHERE id = 10;
SELECT * FROM differences();
UPDATE orders SET customer_id = 1 WHERE customer_id IS NULL;
SELECT * FROM differences();
UPDATE orders SET ordered_at = ordered_at - interval '1 year' WHERE id IN (3, 12);
SELECT * FROM differences();
UPDATE customers SET city = upper(city);
SELECT * FROM differences();
UPDATE customers SET customer_id = 9 WHERE customer_id = 3 AND NOT EXISTS (SELECT FROM visits WHERE customer_id = 3);
SELECT * FROM differences();

-- a statement that changes nothing for a profile writes nothing
CREATE TEMP TABLE versions AS SELECT customer_id, ctid AS was, xmax AS locked FROM segment_data.profile;
UPDATE orders SET note = 'seen';
UPDATE orders SET amount = amount;
SELECT count(*) FROM versions JOIN segment_data.profile p USING (customer_id) WHERE (p.ctid, p.xmax) IS DISTINCT FROM (was, locked);
SELECT * FROM differences();

-- DELETE: the largest, the last, everything of a customer
DELETE FROM orders WHERE amount = (SELECT max(amount) FROM orders);
SELECT * FROM differences();
DELETE FROM orders WHERE id = 8;
SELECT * FROM differences();
DELETE FROM orders WHERE customer_id = 4;
SELECT * FROM differences();

-- INSERT ... ON CONFLICT DO UPDATE, rows of both kinds, and DO NOTHING
INSERT INTO orders VALUES (1, 70, 1, NULL, '2026-05-07'), (20, 70, 2, NULL, '2026-05-07'), (21, 15, 7, NULL, '2026-05-07')
    ON CONFLICT (id) DO UPDATE SET amount = excluded.amount - 20, ordered_at = excluded.ordered_at;
SELECT * FROM differences();
INSERT INTO orders VALUES (1, 1, 1, NULL, '2026-05-08') ON CONFLICT DO NOTHING;
SELECT * FROM differences();

-- MERGE: delete, update and insert in one statement
MERGE INTO orders o
USING (VALUES (1, 1, 200::numeric), (20, 2, NULL), (30, 2, 33), (31, 8, 34)) AS s (id, customer_id, amount) ON o.id = s.id
WHEN MATCHED AND s.amount IS NULL THEN DELETE
WHEN MATCHED THEN UPDATE SET amount = s.amount
WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.amount, s.customer_id, 'merged', '2026-05-09');
SELECT * FROM differences();
-- the same profile: its largest goes and a smaller comes
MERGE INTO orders o
USING (VALUES (1, 1, 0::numeric), (40, 1, 44)) AS s (id, customer_id, amount) ON o.id = s.id
WHEN MATCHED THEN DELETE
WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.amount, s.customer_id, 'merged', '2026-05-09');
SELECT * FROM differences();

-- several writes in one statement, over one source and over two
WITH gone AS (DELETE FROM orders WHERE customer_id = 1 RETURNING *),
     back AS (INSERT INTO orders SELECT id + 100, amount - 1, 2, note, ordered_at FROM gone RETURNING *)
INSERT INTO visits SELECT id, 2, ordered_at FROM back WHERE ordered_at IS NOT NULL;
SELECT * FROM differences();
WITH a AS (INSERT INTO orders VALUES (200, 500, 1, NULL, '2026-05-10') RETURNING *)
UPDATE orders SET amount = 1 WHERE amount = (SELECT max(amount) FROM orders);
SELECT * FROM differences();

-- a foreign key that cascades
INSERT INTO visits VALUES (300, 1, '2026-05-01'), (301, 1, '2026-05-02'), (302, 2, '2026-05-03');
DELETE FROM customers WHERE customer_id = 1;
SELECT * FROM differences();

-- a user's triggers that write again: per row, per statement, before and after
CREATE FUNCTION echo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.amount > 1000 THEN
        DELETE FROM orders WHERE id = new.id;
    ELSIF new.amount > 100 THEN
        INSERT INTO orders VALUES (new.id + 1000, new.amount / 10, new.customer_id, 'echo', new.ordered_at);
        UPDATE customers SET city = city || '!' WHERE customer_id = new.customer_id;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER echo AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION echo();
INSERT INTO orders VALUES (400, 150, 2, NULL, '2026-05-11'), (401, 5000, 2, NULL, '2026-05-11'), (402, 90, 2, NULL, '2026-05-11');
SELECT * FROM differences();
CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM visits WHERE customer_id = 2;
    UPDATE orders SET note = 'tidy', amount = amount + 0.5 WHERE note = 'echo';
    RETURN NULL;
END $$;
CREATE TRIGGER a_tidy AFTER INSERT ON orders FOR EACH STATEMENT EXECUTE FUNCTION tidy();
INSERT INTO orders VALUES (410, 160, 2, NULL, '2026-05-11'), (411, 170, 9, NULL, '2026-05-11');
SELECT * FROM differences();
DROP TRIGGER echo ON orders;
DROP TRIGGER a_tidy ON orders;

-- rollback: of a transaction, to a savepoint, of a block in the middle of a statement
BEGIN;
INSERT INTO orders VALUES (500, 1, 2, NULL, '2026-05-12');
SELECT orders FROM profile WHERE customer_id = 2;
ROLLBACK;
SELECT * FROM differences();
BEGIN;
INSERT INTO orders VALUES (501, 1, 2, NULL, '2026-05-12');
SAVEPOINT before;
DELETE FROM orders WHERE customer_id = 2;
SELECT * FROM differences();
ROLLBACK TO before;
SELECT * FROM differences();
INSERT INTO orders VALUES (502, 2, 2, NULL, '2026-05-12');
SELECT * FROM differences();
COMMIT;
SELECT * FROM differences();
CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.id < 1000 THEN
        BEGIN
            DELETE FROM orders WHERE customer_id = 2;
            INSERT INTO orders VALUES (new.id + 1000, 1, 6, NULL, '2026-05-12');
            PERFORM 1 / (new.id % 2);
        EXCEPTION WHEN division_by_zero THEN
            INSERT INTO orders VALUES (new.id + 2000, 2, 6, NULL, '2026-05-12');
        END;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER stumble AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION stumble();
INSERT INTO orders VALUES (510, 3, 2, NULL, '2026-05-12');
SELECT * FROM differences();
INSERT INTO orders VALUES (511, 3, 2, NULL, '2026-05-12'), (512, 4, 2, NULL, '2026-05-12');
SELECT * FROM differences();
DROP TRIGGER stumble ON orders;

-- TRUNCATE, alone and with what refers to it
INSERT INTO visits VALUES (600, 2, '2026-05-13');
TRUNCATE orders;
SELECT * FROM differences();
TRUNCATE customers CASCADE;
SELECT * FROM differences();
TABLE profile;

-- columns that come and go: a dropped one before, a new one after
ALTER TABLE orders DROP COLUMN note;
ALTER TABLE orders ADD COLUMN channel text DEFAULT 'shop';
INSERT INTO orders VALUES (1, 10, 1, '2026-05-01', 'app'), (2, 20, 1, '2026-05-02', DEFAULT);
SELECT * FROM differences();
UPDATE orders SET amount = 5 WHERE channel = 'shop';
SELECT * FROM differences();

-- a formula that divides by zero is missing, and no insert fails for it
SELECT segment.create_trait('per_visit', 'spend / visits');
SELECT segment.create_trait('per_piece', 'sum(orders.amount / orders.amount)');
INSERT INTO orders VALUES (3, 0, 1, '2026-05-03');
SELECT per_visit, per_piece FROM profile;
SELECT segment.drop_trait('per_visit');
SELECT segment.drop_trait('per_piece');
-- nor for a number that an integer cannot hold
CREATE TABLE points (id int PRIMARY KEY, customer_id bigint, points int, at timestamptz);
CREATE INDEX ON points (customer_id, at);
SELECT segment.attach_source('points', at => 'at');
SELECT segment.create_trait('squares', 'sum(points.points * points.points)');
INSERT INTO points VALUES (1, 1, 2147483647, '2026-05-01'), (2, 1, 2147483647, '2026-05-01');
SELECT squares FROM profile WHERE customer_id = 1;
SELECT segment.detach_source('points', cascade => true);

-- capture that is off, or half off
SET segment.capture = off;
INSERT INTO orders VALUES (700, 1000, 1, '2026-05-01');
RESET segment.capture;
SELECT count(*) > 0 AS differs FROM segment.verify();
SELECT segment.rebuild();
SELECT * FROM differences();
ALTER TABLE orders DISABLE TRIGGER segment_profile_before;
INSERT INTO orders VALUES (701, 1000, 1, '2026-05-01');
ALTER TABLE orders ENABLE TRIGGER segment_profile_before;
ALTER TABLE orders DISABLE TRIGGER segment_profile_insert;
INSERT INTO orders VALUES (701, 1000, 1, '2026-05-01');
ALTER TABLE orders ENABLE TRIGGER segment_profile_insert;
SELECT * FROM differences();

-- a table that is emptied while another statement is on its way, between writes of its own
CREATE FUNCTION refill() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO orders (id, amount, customer_id, ordered_at) VALUES (800, 99, 1, '2026-05-01'),
        (801, 50, 7, '2026-05-01');
    DELETE FROM orders WHERE customer_id = 2;
    BEGIN
        TRUNCATE orders;
        INSERT INTO orders (id, amount, customer_id, ordered_at) VALUES (802, 3, 1, '2026-05-02');
    EXCEPTION WHEN division_by_zero THEN
        NULL;
    END;
    INSERT INTO orders (id, amount, customer_id, ordered_at) VALUES (803, 4, 1, '2026-05-02'),
        (804, 8, 5, '2026-05-02');
    DELETE FROM orders WHERE id = 802;
    RETURN NULL;
END $$;
CREATE TRIGGER a_refill AFTER INSERT ON customers FOR EACH STATEMENT EXECUTE FUNCTION refill();
INSERT INTO customers VALUES (90, 'Ulm');
SELECT id, customer_id FROM orders ORDER BY id;
SELECT * FROM differences();
DROP FUNCTION refill() CASCADE;

-- triggers made by hand
CREATE TABLE other (customer_id bigint);
CREATE TRIGGER mine AFTER INSERT ON other FOR EACH STATEMENT EXECUTE FUNCTION segment.capture_after();
INSERT INTO other VALUES (1);
DROP TRIGGER mine ON other;
CREATE TRIGGER mine BEFORE INSERT ON other FOR EACH STATEMENT EXECUTE FUNCTION segment.capture_before('profile', 'orders');
INSERT INTO other VALUES (1);
DROP TRIGGER mine ON other;
CREATE TRIGGER mine BEFORE INSERT ON other FOR EACH STATEMENT EXECUTE FUNCTION segment.capture_before('profile');
INSERT INTO other VALUES (1);
SELECT segment.capture_after();

SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_flow CASCADE;
