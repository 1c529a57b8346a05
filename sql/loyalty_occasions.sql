-- Entering an audience earns, once in a period, however often anybody ticks; and who
-- brings a friend along earns with the friend's first order.
CREATE SCHEMA shop_occasions;
SET search_path = shop_occasions, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-03-01 10:00+00';
CREATE TABLE customers (customer_id bigint PRIMARY KEY, born date);
CREATE TABLE orders (order_id bigint PRIMARY KEY, customer_id bigint, amount numeric, status text DEFAULT 'paid', at timestamptz DEFAULT segment.now());
CREATE INDEX ON orders (customer_id, at);
INSERT INTO customers VALUES (1, '1990-03-10'), (2, '2000-02-29'), (3, '1980-12-31'), (4, NULL), (5, '1970-03-01');
-- one population is ticked at each step, by its owner, the other in the end
CREATE ROLE occasion_owner;
GRANT CREATE, USAGE ON SCHEMA shop_occasions TO occasion_owner;
GRANT SELECT, TRIGGER ON customers, orders TO occasion_owner;
CREATE FUNCTION tick() RETURNS bigint LANGUAGE plpgsql SET role = occasion_owner AS $$ BEGIN RETURN (SELECT count(*) FROM segment.tick()); END $$;
SET ROLE occasion_owner;
SELECT segment.create_population('often', timezone => 'Europe/Copenhagen');
RESET ROLE;
SELECT segment.create_population('once', timezone => 'Europe/Copenhagen');
SELECT segment.attach_source('customers', population => p), segment.attach_source('orders', at => 'at', population => p),
    segment.create_trait('born', 'customers.born', p), segment.create_program('club', pending => '14 days', population => p) FROM unnest('{often,once}'::name[]) AS p;
SELECT segment.create_audience('birthday', 'anniversary of born today', p, view => false), segment.create_audience('ordered', 'did orders where status = "paid"', p, view => false)
FROM unnest('{often,once}'::name[]) AS p;
SELECT segment.create_occasion('club', 'birthday', 'birthday', 50, pending => 'none', population => p), segment.create_referral('club', 'ordered', 100, 30, population => p) FROM unnest('{often,once}'::name[]) AS p;
SELECT program, occasion, audience, points, referrer, per, pending FROM segment.occasion WHERE population = 'often' ORDER BY 2;
\pset format unaligned
\pset tuples_only on
SELECT segment.join_program('club', 1, 'A', population => p), segment.join_program('club', 5, 'E', population => p), segment.join_program('club', 2, 'B', p, 'A'), segment.join_program('club', 3, 'C', p, 'B')
FROM unnest('{often,once}'::name[]) AS p;
CREATE VIEW movements AS SELECT key, rule, ref, points, at FROM segment_data.often_club_movement ORDER BY at, key, movement;
-- whose birthday it was when the audience was made earns nothing; Ada's comes; who is no member has none
SELECT tick();
SET segment.now = '2026-03-10 09:00+00';
SELECT tick();
SELECT * FROM movements;
-- her birthday is entered once more: it is granted already
UPDATE customers SET born = '1990-03-11' WHERE customer_id = 1;
SELECT tick();
SET segment.now = '2026-03-11 10:00+00';
SELECT tick();
SELECT count(*) FROM movements;
-- Ben's first order: he and Ada earn; his second is nothing new; it is all in the fold
INSERT INTO orders VALUES (1, 2, 10);
INSERT INTO orders VALUES (2, 2, 10);
SELECT count(*) FROM movements;
SELECT tick();
SELECT * FROM movements;
SELECT key, ref, points FROM segment_data.often_club_granted ORDER BY 1, 2;
-- refunded while it is pending: both give it back; he orders again: both have it, once
SET segment.now = '2026-03-15 10:00+00';
DELETE FROM orders;
SELECT tick();
SELECT customer_id, club_pending, club_balance, club_referred_by FROM often WHERE customer_id <= 3 ORDER BY 1;
SET segment.now = '2026-03-16 10:00+00';
INSERT INTO orders VALUES (3, 2, 10), (4, 3, 10);
SELECT tick();
SELECT customer_id, club_pending, club_balance FROM often WHERE customer_id <= 3 ORDER BY 1;
-- Cleo's order is refunded, and she orders no more
SET segment.now = '2026-03-20 10:00+00';
DELETE FROM orders WHERE order_id = 4;
SELECT tick();
-- refunded after that: it stays
SET segment.now = '2026-04-10 10:00+00';
DELETE FROM orders;
SELECT tick();
SELECT customer_id, club_pending, club_balance FROM often WHERE customer_id <= 3 ORDER BY 1;
-- names are followed; the year that comes has another birthday
SELECT segment.rename_audience('birthday', 'party', 'often'), segment.rename_audience('birthday', 'party', 'once');
SET segment.now = '2027-03-01 00:00+00';
SELECT tick();
SET segment.now = '2027-03-11 10:00+00';
SELECT tick();
SELECT * FROM movements WHERE rule = 'birthday';
SELECT count(*) FROM segment.tick() WHERE population IN ('often', 'once');
SELECT count(*) FROM (SELECT key, rule, ref, points FROM segment_data.often_club_granted WHERE points <> 0 EXCEPT SELECT key, rule, ref, points FROM segment_data.once_club_granted) AS differ;
SELECT count(*) FROM (SELECT key, rule, ref, points FROM segment_data.once_club_granted WHERE points <> 0 EXCEPT SELECT key, rule, ref, points FROM segment_data.often_club_granted) AS differ;
SELECT p, v.* FROM unnest('{often,once}'::name[]) AS p, segment.verify_program('club', p) AS v;

\getenv abs_srcdir PG_ABS_SRCDIR
\set outcome :abs_srcdir '/test/outcome.sql'
\i :outcome
SELECT outcome(format('SELECT segment.%s', what)) FROM unnest(ARRAY['join_program(''club'', 4, ''D'', ''often'', ''X'')', 'join_program(''club'', 4, ''D'', ''often'', ''D'')',
    'create_occasion(''club'', ''x'', ''nobody'', 5, population => ''often'')', 'create_occasion(''club'', ''x'', ''party'', 0, population => ''often'')', 'create_occasion(''club'', ''x'', ''party'', 5, ''minute'', population => ''often'')',
    'create_occasion(''club'', ''birthday'', ''party'', 5, population => ''often'')', 'create_earning(''club'', ''birthday'', ''orders.amount'', ref => ''order_id'', population => ''often'')',
    'create_referral(''club'', ''party'', 5, 5, population => ''often'')', 'end_occasion(''club'', ''x'', ''often'')', 'drop_audience(''party'', ''often'')']) AS what;
SELECT segment.leave_program('club', 3, 'often');
SELECT outcome($$SELECT segment.join_program('club', 3, 'C', 'often', 'A')$$);
SELECT outcome($$SELECT segment.join_program('club', 4, 'D', 'often', 'C')$$);
SELECT segment.end_occasion('club', 'referral', 'often');
SELECT segment.create_referral('club', 'party', 5, 5, population => 'often');
SELECT segment.drop_audience('party', 'often', cascade => true);
SELECT occasion, valid_until FROM segment.occasion WHERE population = 'often' ORDER BY 1;
DROP VIEW movements;
SELECT segment.drop_program('club', true, 'often');
SELECT population, count(*) FROM segment.occasion GROUP BY 1;
SET client_min_messages = warning;
SELECT segment.drop_population(p, cascade => true) FROM unnest('{often,once}'::name[]) AS p;
SELECT count(*) FROM segment.occasion;
DROP SCHEMA shop_occasions CASCADE;
DROP ROLE occasion_owner;
