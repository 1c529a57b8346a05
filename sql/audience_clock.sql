-- audience: an instant is the same for whoever asks, in whatever zone, and for
-- parallel workers, too
\set VERBOSITY terse
CREATE SCHEMA shop_clock;
SET search_path = shop_clock;
SET timezone = 'UTC';
SET segment.now = '2027-01-05 12:00:00 UTC';

CREATE TABLE orders (customer_id bigint, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
SELECT segment.create_population('clocked', timezone => 'Europe/Copenhagen');
SELECT segment.attach_source('orders', at => 'ordered_at');
-- one customer a minute, each of whom lapses a day later
INSERT INTO orders SELECT id, segment.now() - id * interval '1 minute'
FROM generate_series(1, 1000) AS id;
SELECT segment.create_trait('lately', 'count(orders in last 1 day)');
SELECT segment.create_audience('active', 'did orders in last 1 day');

CREATE TABLE forecasts AS
    SELECT at, segment.forecast('active', at) AS size
    FROM generate_series(segment.now(), segment.now() + interval '1 day', '1 hour') AS at;
SELECT min(size), max(size) FROM forecasts;
SET timezone = 'America/New_York';
SELECT count(*) FROM forecasts WHERE size <> segment.forecast('active', at);
SET timezone = 'Asia/Kathmandu';
SELECT count(*) FROM forecasts WHERE size <> segment.forecast('active', at);
SELECT set_config(name, 'on', false) FROM pg_settings
WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT count(*) FROM forecasts WHERE size <> segment.forecast('active', at);
SELECT count(*) FROM clocked WHERE clocked @@ 'lately > 0';
SELECT count(*) FROM active;
SELECT set_config(name, 'off', false) FROM pg_settings
WHERE name IN ('force_parallel_mode', 'debug_parallel_query');

SET client_min_messages = warning;
SELECT segment.drop_population('clocked', cascade => true);
DROP SCHEMA shop_clock CASCADE;
