-- What is pending, held, or about to expire, and what is missing to the next tier, are
-- traits: in filters, explained, foretold, and in the feed at their very instants.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-01-01 10:00+00';
CREATE TABLE customers (customer_id bigint PRIMARY KEY);
INSERT INTO customers VALUES (1), (2);
SELECT segment.create_population('ahead', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.create_program('club', expires => 'after 40 days', pending => '14 days');
SELECT segment.create_tiering('club', 'earned', period => 'this year', hold => 'end of next year');
SELECT segment.create_tier('club', 'silver', 200);
SELECT segment.create_audience('waiting', 'club.pending > 0'), segment.create_audience('hurry', 'club.expiring_30d > 0'),
    segment.create_audience('aside', 'club.held > 0'), segment.create_audience('almost', 'club.points_to_next_tier < 100');
CREATE VIEW now AS SELECT customer_id, club_balance, club_pending, club_held, club_expiring_30d, club_points_to_next_tier FROM ahead ORDER BY 1;
SELECT segment.join_program('club', 1, 'A'), segment.join_program('club', 2, 'B');
SELECT segment.earn('club', 1, 150), segment.earn('club', 2, 50, pending => 'none', expires => '2026-02-10 10:00+00');
SELECT * FROM now;
-- the card says the same, one by one
SELECT k, (SELECT sum((p->>'points')::int) FROM jsonb_array_elements(segment.card('club', k)->'pending') AS p) AS pending FROM unnest(ARRAY[1::bigint, 2]) AS k;
SELECT segment.next_change('waiting', 1), segment.next_change('hurry', 2);
SELECT a, at, segment.forecast(a, at) FROM unnest(ARRAY['waiting', 'hurry', 'almost']::name[]) AS a,
    unnest(ARRAY['2026-01-15 09:59:59.999999+00', '2026-01-15 10:00+00', '2026-02-24 10:00+00']::timestamptz[]) AS at ORDER BY 1, 2;
SELECT * FROM segment.explain('waiting', 1);
SELECT segment.hold('club', 2, 30, until => '2 hours') > 0 AS held;
SELECT * FROM now;
SET segment.now = '2026-01-01 12:00+00';
SELECT * FROM now;
SET segment.now = '2026-01-11 10:00+00';
SELECT * FROM now;
-- taken back while it is pending: nothing is pending
SET segment.now = '2026-01-12 10:00+00';
SELECT segment.earn('club', 2, 70) AS movement \gset
SELECT * FROM now WHERE customer_id = 2;
SELECT segment.reverse('club', :movement) > 0 AS reversed;
SELECT * FROM now WHERE customer_id = 2;
SET segment.now = '2026-01-15 10:00+00';
SELECT * FROM now;
SET segment.now = '2026-03-01 10:00+00';
SELECT * FROM now;
SELECT segment.tick() IS NOT NULL AS ticked;
SELECT audience, key, change, at, cause FROM segment.transition WHERE population = 'ahead' AND cause <> 'create' ORDER BY at, audience, key, seq;
SELECT * FROM segment.verify_program('club');
SELECT * FROM segment.verify();
SET client_min_messages = warning;
DROP VIEW now;
SELECT segment.drop_population('ahead', cascade => true);
DROP TABLE customers;
