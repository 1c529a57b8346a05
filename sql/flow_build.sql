-- Traits are built beside readers and writers: CALL commits on the way.  What is
-- seen beside it is in the isolation spec of this name.
-- The statements come past the event triggers that would refuse or follow them.
ALTER EVENT TRIGGER segment_guard_command DISABLE;
ALTER EVENT TRIGGER segment_guard_drop DISABLE;
ALTER EVENT TRIGGER segment_guard_rewrite DISABLE;
CREATE SCHEMA shop_build;
SET search_path = shop_build, public;
CREATE TABLE orders (id int PRIMARY KEY, customer_id bigint, amount numeric, status text, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE TABLE visits (id int PRIMARY KEY, customer_id bigint, seen timestamptz);
INSERT INTO orders SELECT i, i % 500, i % 7, CASE i % 3 WHEN 0 THEN 'paid' ELSE 'open' END, '2026-05-01'::timestamptz + i * interval '1 minute'
    FROM generate_series(1, 2000) AS i;
INSERT INTO visits SELECT i, 2 * i, '2026-05-01' FROM generate_series(1, 400) AS i;
SELECT segment.create_population('profile', 'customer_id');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.attach_source('visits', at => 'seen');
SELECT segment.create_trait('orders', 'count(orders)');
SELECT segment.create_audience('often', 'orders > 3');

-- of two sources, with a formula over others, and a window
CALL segment.create_traits_concurrently('{
    "paid": "sum(orders.amount where status = \"paid\")",
    "dear": "max(orders.amount)",
    "share": "paid / orders",
    "visits": "count(visits)",
    "recently": "count(orders in last 30 days)"}');
SELECT * FROM segment.verify();
SELECT trait, definition FROM segment.trait ORDER BY position;
SELECT count(*) AS differ FROM profile p LEFT JOIN (
    SELECT customer_id, sum(amount) FILTER (WHERE status = 'paid') AS paid, max(amount) AS dear FROM orders GROUP BY 1) AS q USING (customer_id)
WHERE coalesce(p.paid, 0) IS DISTINCT FROM coalesce(q.paid, 0) OR p.dear IS DISTINCT FROM q.dear;
SELECT population, command, phase, running FROM segment.progress;
SELECT request FROM segment.progress;

-- events keep what was built, of old and new profiles
INSERT INTO orders VALUES (3001, 1, 100, 'paid', '2026-05-02'), (3002, 7777, 50, 'paid', '2026-05-02');
DELETE FROM orders WHERE customer_id = 2;
SELECT customer_id, paid, dear, visits FROM profile WHERE customer_id IN (1, 2, 7777) ORDER BY 1;
SELECT * FROM segment.verify();

-- the next build; nothing is left of the first but the number of each profile's
CALL segment.create_traits_concurrently('{"first": "min(orders.ordered_at)"}');
CALL segment.create_traits_concurrently('{"half": "paid / 2"}');
SELECT number, phase FROM segment.build;
SELECT count(*), min(s0), max(s0) FROM segment_data.profile;
SELECT count(*) AS left_over FROM pg_class WHERE relname ~ '^segment_build_';
SELECT * FROM segment.verify();

-- a longer window than that which is stored; a stored trait for both
CALL segment.create_traits_concurrently('{"lately": "count(orders in last 90 days)"}');
SELECT definition FROM segment.stored_trait WHERE definition ~ 'in last' ORDER BY 1;
SELECT * FROM segment.verify();
SELECT segment.create_audience('back', 'count(orders in last 90 days) > 2 and recently = 0');
SELECT segment.drop_trait('recently', cascade => true);
SELECT segment.drop_trait('lately');
SELECT definition FROM segment.stored_trait WHERE definition ~ 'in last' ORDER BY 1;

-- an audience, of what is stored and of what has to be filled first
CALL segment.create_audience_concurrently('frequent', 'orders > 4', description => 'they come often');
CALL segment.create_audience_concurrently('spenders', 'sum(orders.amount) > 15 and paid > 5', view => false);
CALL segment.create_audience_concurrently('lapsed', 'max(orders.ordered_at) more than 1 day ago');
SELECT audience, stored, building, description FROM segment.audience ORDER BY 1;
SELECT * FROM segment.verify();
SELECT (SELECT count(*) FROM frequent) = (SELECT count(*) FROM profile WHERE orders > 4) AS right;
SELECT segment.tick() IS NOT NULL AS ticked;
SELECT audience, cause, count(*) = segment.size(audience) AS all_entered FROM segment.transition WHERE audience IN ('frequent', 'spenders', 'lapsed')
    GROUP BY 1, 2 ORDER BY 1;
CALL segment.create_audience_concurrently('frequent', 'orders > 5');
CALL segment.create_audience_concurrently('x', 'no_trait > 5');
CALL segment.create_audience_concurrently('x', NULL);
CALL segment.create_audience_concurrently('x', 'stddev(orders.amount) > 1 and in audience x');
BEGIN;
CALL segment.create_audience_concurrently('x', 'orders > 5');
ROLLBACK;
SELECT segment.drop_audience('spenders'), segment.drop_audience('lapsed');

-- an audience, and a trait that audiences use, are altered; the feed shows the differences
SELECT segment.create_audience('calm', 'not in audience frequent and paid < 6 and share < 1', view => false);
SELECT segment.tick() IS NOT NULL AS ticked;
SELECT max(seq) AS seq FROM segment.transition \gset
CALL segment.alter_audience_concurrently('frequent', 'count(orders where status = "paid") > 1');
SELECT audience, change, cause, count(*) FROM segment.transition WHERE seq > :seq GROUP BY 1, 2, 3 ORDER BY 1, 2;
SELECT max(seq) AS seq FROM segment.transition \gset
CALL segment.alter_trait_concurrently('paid', 'sum(orders.amount where status = "open")', description => 'not yet');
SELECT audience, change, cause, count(*) FROM segment.transition WHERE seq > :seq GROUP BY 1, 2, 3 ORDER BY 1, 2;
SELECT audience, filter, stored, building, description FROM segment.audience WHERE audience IN ('frequent', 'calm') ORDER BY 1;
SELECT trait, definition, description FROM segment.trait WHERE trait = 'paid';
SELECT count(*) = (SELECT sum(size) FROM segment.sizes() WHERE audience IN ('frequent', 'calm')) AS right FROM (
    SELECT customer_id, count(*) FILTER (WHERE status = 'paid') > 1 AS frequent, coalesce(sum(amount) FILTER (WHERE status = 'open'), 0) AS open, count(*) AS n
    FROM orders GROUP BY 1) AS q WHERE frequent OR (open < 6 AND open / n < 1);
SELECT * FROM segment.verify();
-- time changes it in a way that is not known beforehand, so that no members are stored; and back
SET segment.now = '2026-05-10 00:00:00+00';
CALL segment.alter_audience_concurrently('calm', 'now - max(orders.ordered_at) > max(orders.ordered_at) - now + 3 days');
SELECT audience, stored, building FROM segment.audience WHERE audience = 'calm';
CALL segment.alter_audience_concurrently('calm', 'max(orders.ordered_at) before "2026-05-02"');
SELECT audience, stored, building FROM segment.audience WHERE audience = 'calm';
SELECT segment.size('calm') = (SELECT count(*) FROM (SELECT max(ordered_at) FROM orders GROUP BY customer_id) AS q WHERE max < '2026-05-02') AS right;
SELECT * FROM segment.verify();
RESET segment.now;
SELECT segment.drop_audience('calm');
CALL segment.alter_audience_concurrently('frequent', 'in audience frequent');
CALL segment.alter_audience_concurrently('frequent', 'no_trait > 5');
CALL segment.alter_audience_concurrently('frequnt', 'orders > 5');
CALL segment.alter_audience_concurrently('frequent', NULL);
CALL segment.alter_trait_concurrently('paid', 'last(orders.status)');
CALL segment.alter_trait_concurrently('paid', 'share + 1');
CALL segment.alter_trait_concurrently('piad', 'count(orders)');
CALL segment.alter_trait_concurrently('paid', NULL);
BEGIN;
CALL segment.alter_trait_concurrently('paid', 'count(orders)');
ROLLBACK;
BEGIN;
CALL segment.alter_audience_concurrently('frequent', 'orders > 5');
ROLLBACK;
SELECT segment.abandon_build();
-- an attribute has keys, by which the audience would have to be asked anew
CREATE TABLE people (customer_id bigint PRIMARY KEY, extra jsonb, more jsonb);
INSERT INTO people SELECT i, '{"size": 1}', '{"size": 2}' FROM generate_series(1, 400) AS i;
SELECT segment.attach_source('people');
SELECT segment.create_trait('facts', 'people.extra');
SELECT segment.create_audience('large', 'facts.size = 2', view => false);
CALL segment.alter_trait_concurrently('facts', 'people.more');
SELECT segment.alter_trait('facts', 'people.more');
SELECT segment.size('large');
SELECT * FROM segment.verify();
SELECT segment.drop_audience('large'), segment.drop_trait('facts'), segment.detach_source('people');

-- a table is attached: profiles that it brings, and rows of those that are there
CREATE TABLE calls (id int PRIMARY KEY, who text, at timestamptz, kind text);
CREATE INDEX ON calls (who, at);
INSERT INTO calls SELECT i, CASE WHEN i % 50 <> 0 THEN (i % 700)::text END, '2026-05-01', CASE i % 2 WHEN 0 THEN 'in' ELSE 'out' END FROM generate_series(1, 1500) AS i;
CREATE TABLE contacts (id int PRIMARY KEY, customer_id bigint, at timestamptz, kind text);
CREATE INDEX ON contacts (customer_id, at);
INSERT INTO contacts SELECT id, who::bigint, at, kind FROM calls;
CALL segment.attach_source_concurrently('calls', key => 'who', at => 'at');
CALL segment.attach_source_concurrently('contacts', at => 'at', name => 'incoming', filter => 'kind = "in"');
SELECT source, relation, key, filter, build FROM segment.source ORDER BY 1;
SELECT count(*) AS differ FROM segment_data.profile p FULL JOIN (SELECT customer_id, count(*) AS rows FROM (
    SELECT customer_id FROM orders UNION ALL SELECT customer_id FROM visits UNION ALL SELECT customer_id FROM contacts WHERE kind = 'in') AS u
    WHERE customer_id IS NOT NULL GROUP BY 1) AS q USING (customer_id) WHERE p.source_rows IS DISTINCT FROM q.rows;
SELECT * FROM segment.verify();
SELECT segment.create_trait('calls', 'count(incoming)');
INSERT INTO contacts VALUES (2001, 3, '2026-05-02', 'in'), (2002, 900, '2026-05-02', 'in'), (2003, 901, '2026-05-02', 'out');
SELECT customer_id, calls FROM profile WHERE customer_id IN (3, 900, 901) ORDER BY 1;
SELECT phase, running FROM segment.progress;
CALL segment.attach_source_concurrently('contacts', at => 'at', name => 'incoming');
CALL segment.attach_source_concurrently('contacts', at => 'no_column', name => 'others');
CALL segment.attach_source_concurrently(NULL::regclass);
CALL segment.attach_source_concurrently('no_table'::text);
BEGIN;
CALL segment.attach_source_concurrently('contacts', at => 'at', name => 'others');
ROLLBACK;
SELECT segment.drop_trait('calls'), segment.detach_source('incoming');
SELECT * FROM segment.verify();

-- what is wrong is said before anything is read, and leaves nothing behind
CALL segment.create_traits_concurrently('{"a": "count(orders where city = \"x\")"}');
CALL segment.create_traits_concurrently('{"a": "stddev(orders.amount)", "b": "no_trait + 1"}');
CALL segment.create_traits_concurrently('{"paid": "sum(orders.id)"}');
ALTER TABLE visits ALTER customer_id TYPE int, ALTER id TYPE text;
CALL segment.create_traits_concurrently('{"a": "list(distinct visits.id)"}');
BEGIN;
ALTER TABLE visits ALTER id TYPE int USING id::int;
COMMIT;
CALL segment.create_traits_concurrently('{"b": "count(distinct visits.id)"}');
SELECT segment.drop_trait('a');
BEGIN;
CALL segment.create_traits_concurrently('{"a": "stddev(orders.amount)"}');
ROLLBACK;
SELECT segment.abandon_build();
SELECT count(*) AS unfilled FROM segment.stored_trait WHERE build IS NOT NULL;

-- a table without an index on the key
CREATE TABLE clicks (customer_id int, seen timestamptz);
INSERT INTO clicks SELECT i % 100, '2026-05-01' FROM generate_series(1, 300) AS i;
SET client_min_messages = warning;
SELECT segment.attach_source('clicks', at => 'seen');
RESET client_min_messages;
CALL segment.create_traits_concurrently('{"clicks": "count(clicks)"}', 'profile');
SELECT * FROM segment.verify();
SELECT clicks, count(*) FROM profile GROUP BY 1 ORDER BY 1;

SELECT segment.drop_population('profile', cascade => true);
SELECT count(*) FROM segment.build;
DROP SCHEMA shop_build CASCADE;
ALTER EVENT TRIGGER segment_guard_command ENABLE;
ALTER EVENT TRIGGER segment_guard_drop ENABLE;
ALTER EVENT TRIGGER segment_guard_rewrite ENABLE;
