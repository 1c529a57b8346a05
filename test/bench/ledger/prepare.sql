-- Ten customers with so many entries each: points that are earned at random times
-- of the last two years, and are gone a year later.
CREATE EXTENSION segment;
CREATE TABLE entries (entry_id bigserial PRIMARY KEY, customer_id bigint NOT NULL, points bigint NOT NULL, at timestamptz NOT NULL);
CREATE INDEX ON entries (customer_id, at);
INSERT INTO entries (customer_id, points, at)
SELECT customer, sign * (10 + (hashint8(nth * 7919 + customer) & 255)), earned + years * interval '1 year'
FROM generate_series(1, 10) AS customer, generate_series(1, :entries / 2) AS nth,
    LATERAL (SELECT date_trunc('second', now() - interval '2 days'
        - (hashint8(nth * 31 + customer) & 16777215) / 16777216.0 * interval '728 days')) AS e (earned),
    (VALUES (1, 0), (-1, 1)) AS v (sign, years);
SELECT segment.create_population('profile', key => 'customer_id', key_type => 'bigint');
SELECT segment.attach_source('entries', key => 'customer_id', at => 'at');
SELECT segment.create_trait('balance', format('sum(entries.points %s)', :'window'));
SELECT segment.create_trait('movements', format('count(entries %s)', :'window'));
SELECT segment.create_audience('rich', 'balance >= 500');
ALTER SYSTEM SET full_page_writes = off;
SELECT pg_reload_conf();
VACUUM FULL segment_data.profile;
VACUUM ANALYZE;
