-- One table of events of ten kinds, which is one source, or one of each kind.
CREATE EXTENSION segment;
CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint,
    kind text,
    amount integer,
    at timestamptz
);
CREATE INDEX ON events (customer_id, at);
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('events', at => 'at') WHERE :sources = 1;
SELECT segment.create_trait('amount', 'sum(events.amount)') WHERE :sources = 1;
SELECT segment.attach_source('events', at => 'at', name => 'kind_' || i, filter => ('kind = "k' || i || '"')::segment.filter)
FROM generate_series(1, 10) AS i WHERE :sources = 10;
SELECT segment.create_trait('amount_' || i, 'sum(kind_' || i || '.amount)') FROM generate_series(1, 10) AS i WHERE :sources = 10;
INSERT INTO events (customer_id, kind, amount, at)
SELECT 1 + i % :profiles, 'k' || 1 + i % 10, 1, '2026-01-01' FROM generate_series(1, 10 * :profiles) AS i;
VACUUM ANALYZE;
