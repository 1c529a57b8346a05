-- One table with many kinds of events is many sources: each with the rows that
-- pass its filter, all by one set of triggers.
-- The statements come past the event triggers that would refuse or follow them.
ALTER EVENT TRIGGER segment_guard_command DISABLE;
ALTER EVENT TRIGGER segment_guard_drop DISABLE;
ALTER EVENT TRIGGER segment_guard_rewrite DISABLE;
CREATE SCHEMA shop_filtered;
SET search_path = shop_filtered, public;
SET jit = off;
CREATE TABLE events (id bigint PRIMARY KEY, customer_id bigint, kind text, amount numeric, payload jsonb, at timestamptz);
CREATE INDEX ON events (customer_id, at);
INSERT INTO events VALUES
    (1, 1, 'open', 1, '{"type": "mail"}', '2026-05-01'), (2, 1, 'click', 2, '{"type": "mail"}', '2026-05-02'),
    (3, 2, 'click', 3, '{"type": "push"}', '2026-05-03'), (4, 3, NULL, 4, NULL, '2026-05-04'),
    (5, NULL, 'open', 5, NULL, '2026-05-05'), (6, NULL, 'other', 6, NULL, '2026-05-05');

SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('events', name => 'opens', at => 'at', filter => 'kind = "open"');
SELECT segment.attach_source('events', name => 'clicks', at => 'at', filter => 'kind = "click" and amount > 0');
SELECT segment.attach_source('events', name => 'mails', at => 'at', filter => 'payload.type = "mail"');
SELECT source, relation, filter FROM segment.source ORDER BY source;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'events'::regclass ORDER BY 1;
SELECT source, relation, rows, rows_without_key, captured FROM segment.stat_source ORDER BY source;

SELECT segment.create_trait('opens', 'count(opens)');
SELECT segment.create_trait('clicks', 'count(clicks)');
SELECT segment.create_trait('spent', 'sum(clicks.amount)');
SELECT segment.create_trait('largest', 'max(clicks.amount)');
SELECT segment.create_trait('last_mail', 'max(mails.at)');
SELECT segment.create_audience('readers', 'did opens and did not clicks', view => false);
SELECT * FROM profile ORDER BY 1;

-- what naive SQL says
CREATE VIEW naive AS
SELECT customer_id, count(*) FILTER (WHERE kind = 'open') AS opens,
       count(*) FILTER (WHERE kind = 'click' AND amount > 0) AS clicks,
       coalesce(sum(amount) FILTER (WHERE kind = 'click' AND amount > 0), 0) AS spent,
       max(amount) FILTER (WHERE kind = 'click' AND amount > 0) AS largest,
       max(at) FILTER (WHERE payload ->> 'type' = 'mail') AS last_mail
FROM events WHERE customer_id IS NOT NULL GROUP BY customer_id
HAVING bool_or(coalesce(kind = 'open' OR kind = 'click' AND amount > 0, false) OR coalesce(payload ->> 'type' = 'mail', false));
CREATE FUNCTION differences() RETURNS TABLE (which text, profile text) LANGUAGE sql AS $$
    SELECT 'stored', a::text FROM (TABLE shop_filtered.profile EXCEPT ALL TABLE naive) a
    UNION ALL SELECT 'naive', b::text FROM (TABLE naive EXCEPT ALL TABLE shop_filtered.profile) b
    UNION ALL SELECT 'verify', v::text FROM segment.verify() v
$$;
SELECT * FROM differences();

-- a row that changes its kind leaves one source and joins the other
UPDATE events SET kind = 'click' WHERE id = 1;
SELECT * FROM profile ORDER BY 1;
SELECT * FROM differences();
UPDATE events SET kind = 'open', amount = 9 WHERE id = 2;
SELECT * FROM differences();
-- one that never was in any joins one, and makes a profile
UPDATE events SET kind = 'open' WHERE id = 4;
SELECT * FROM differences();
UPDATE events SET kind = NULL WHERE id = 4;
SELECT * FROM differences();
UPDATE events SET payload = '{"type": "mail"}', amount = -1 WHERE id IN (3, 4);
SELECT * FROM differences();
-- many kinds in one statement, conflicts and merges, and all at once
INSERT INTO events SELECT i, i % 7, (ARRAY['open', 'click', 'other', NULL])[1 + i % 4], i % 5, jsonb_build_object('type', CASE WHEN i % 3 = 0 THEN 'mail' ELSE 'push' END), '2026-05-01'::timestamptz + i * interval '1 hour'
FROM generate_series(10, 400) AS i;
SELECT * FROM differences();
INSERT INTO events SELECT i, 8, 'open', 1, NULL, '2026-06-01' FROM generate_series(390, 410) AS i
ON CONFLICT (id) DO UPDATE SET kind = 'click', customer_id = events.customer_id + 1;
SELECT * FROM differences();
MERGE INTO events USING generate_series(300, 330) AS i ON id = i
WHEN MATCHED AND i % 3 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET kind = CASE kind WHEN 'open' THEN 'click' ELSE 'open' END;
SELECT * FROM differences();
DELETE FROM events WHERE kind = 'open' AND id % 2 = 0;
SELECT * FROM differences();
BEGIN;
UPDATE events SET kind = 'open';
TRUNCATE events;
INSERT INTO events VALUES (1, 1, 'click', 7, NULL, '2026-05-01');
SELECT * FROM differences();
ROLLBACK;
SELECT * FROM differences();
SELECT segment.rebuild();
SELECT * FROM differences();
SELECT segment.size('readers') = count(*) FROM naive WHERE opens > 0 AND clicks = 0;

-- another name: the triggers are those of the table
SELECT segment.rename_source('clicks', 'taps');
UPDATE events SET kind = 'click' WHERE id % 5 = 0;
SELECT * FROM differences();
-- the last source takes the triggers along, no other
SELECT segment.detach_source('opens', cascade => true);
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'events'::regclass;
INSERT INTO events VALUES (1001, 1, 'click', 7, '{"type": "mail"}', '2026-06-01'), (1002, 99, 'open', 7, NULL, '2026-06-01');
SELECT customer_id FROM profile WHERE customer_id = 99;
SELECT * FROM segment.verify();
SELECT segment.detach_source('mails', cascade => true);
SELECT segment.detach_source('taps', cascade => true);
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'events'::regclass;
SELECT count(*) FROM profile;

-- attributes: one row of a profile among those that pass, and an index says so
CREATE TABLE addresses (customer_id bigint, kind text, city text);
INSERT INTO addresses VALUES (1, 'home', 'Aarhus'), (1, 'work', 'Odense'), (2, 'work', 'Aarhus');
SELECT segment.attach_source('addresses', name => 'home', filter => 'kind = "home"');
CREATE UNIQUE INDEX ON shop_filtered.addresses (customer_id) WHERE (kind = 'home'::text);
SELECT segment.attach_source('addresses', name => 'home', filter => 'kind = "home"');
SELECT segment.attach_source('addresses', name => 'work', filter => 'kind = "work"');
SELECT segment.create_trait('city', 'home.city');
SELECT * FROM profile ORDER BY 1;

-- what cannot be a filter leaves nothing behind
SELECT segment.attach_source('events', name => 'x', at => 'at', filter => 'knd = "open"');
SELECT segment.attach_source('events', name => 'x', at => 'at', filter => 'kind > 5');
SELECT segment.attach_source('events', name => 'x', at => 'at', filter => 'at in last 3 days');
SELECT segment.attach_source('events', name => 'x', at => 'at', filter => 'count(home) > 1');
SELECT segment.attach_source('events', name => 'x', at => 'at', filter => 'in audience readers');
SELECT segment.attach_source('events', name => 'x', at => 'at', filter => 'kind = ');
SELECT source FROM segment.source;
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'events'::regclass;

-- nor is a table attached in the middle of a statement that writes it
CREATE FUNCTION attach_now() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM segment.attach_source('shop_filtered.events', name => 'y', at => 'at', filter => 'kind = "open"'); RETURN new; END $$;
CREATE TRIGGER attach_now BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION attach_now();
INSERT INTO events VALUES (2001, 1, 'open', 7, NULL, '2026-06-01');
DROP TRIGGER attach_now ON events;

-- a filter that does not bind any more
SELECT segment.attach_source('events', name => 'large', at => 'at', filter => 'amount > 3 and payload is not set');
SELECT segment.create_trait('larges', 'count(large)');
DROP FUNCTION differences;
DROP VIEW naive;
ALTER TABLE events ALTER amount TYPE text;
SELECT * FROM segment.verify();
\set VERBOSITY terse
INSERT INTO events VALUES (3001, 1, 'open', 'seven', NULL, '2026-06-01');
\set VERBOSITY default
SELECT segment.detach_source('large', cascade => true);
ALTER TABLE events ALTER amount TYPE numeric USING amount::numeric;
SELECT segment.attach_source('events', name => 'large', at => 'at', filter => 'amount > 3 and payload is not set');
ALTER TABLE events DROP COLUMN payload;
SELECT * FROM segment.verify();
SELECT segment.detach_source('large');
SELECT * FROM segment.verify();
SELECT segment.drop_population('profile', cascade => true);
SET client_min_messages = warning;
DROP SCHEMA shop_filtered CASCADE;
ALTER EVENT TRIGGER segment_guard_command ENABLE;
ALTER EVENT TRIGGER segment_guard_drop ENABLE;
ALTER EVENT TRIGGER segment_guard_rewrite ENABLE;
