-- Several audiences are one scan of the base table.
CREATE SCHEMA shop_audiences;
SET search_path = shop_audiences, public;
SET segment.now = '2026-06-01 12:00+00';
CREATE TABLE orders (id int PRIMARY KEY, customer_id bigint, amount numeric, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
INSERT INTO orders VALUES
    (1, 1, 600, '2026-03-01'), (2, 1, 30, '2026-03-02'), (3, 2, 700, '2026-05-30'), (4, 3, 7, '2026-02-04');
SELECT segment.create_population('profile', 'customer_id');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.create_trait('spent', 'sum(orders.amount)');

-- in the order in which they are written; a filter may mention those before it, and count something new
SELECT * FROM segment.create_audiences('{
    "vip": "spent > 500",
    "lapsed": "max(orders.ordered_at) more than 60 days ago",
    "lost": "in audience lapsed and not in audience vip",
    "tree": {"combinator": "and", "rules": [{"field": "spent", "operator": "<", "value": 100}]},
    "often": "count(orders) > 1"}');
SELECT * FROM vip ORDER BY 1;
SELECT * FROM lost;
SELECT * FROM segment.verify();
INSERT INTO orders VALUES (5, 3, 600, '2026-05-31');
SELECT * FROM segment.sizes() ORDER BY 1;
SELECT segment.tick();
SELECT seq, audience, key, change, cause FROM segment.transition ORDER BY seq;
-- a name of its own where no view is wanted
SELECT * FROM segment.create_audiences('{"orders": "spent > 0"}', view => false);

-- one scan, however many there are
CREATE FUNCTION scans() RETURNS bigint LANGUAGE sql AS $$
    SELECT pg_stat_get_xact_numscans('segment_data.profile'::regclass)
$$;
BEGIN;
SELECT scans() AS before \gset
SELECT count(*) FROM segment.create_audiences('{"one": "spent > 1"}', 'profile', false);
SELECT scans() - :before AS one \gset
SELECT scans() AS before \gset
SELECT count(*), min(size), max(size)
FROM segment.create_audiences((SELECT json_object_agg('over ' || i, 'spent > ' || i) FROM generate_series(1, 100) i), 'profile', false);
SELECT scans() - :before = :one AS as_many_as_for_one;
ROLLBACK;

-- all of them, or none
SELECT * FROM segment.create_audiences('{"a": "spent > 1", "b": "in audience c", "c": "true"}');
SELECT * FROM segment.create_audiences('{"a": "spent > 1", "a": "spent > 2"}');
SELECT * FROM segment.create_audiences('{"a": "spent > 1", "vip": "spent > 2"}');
SELECT * FROM segment.create_audiences('{"a": "spnt > 1"}');
SELECT * FROM segment.create_audiences('{"a": "spent >"}');
SELECT * FROM segment.create_audiences('{"a": null}');
SELECT * FROM segment.create_audiences('{}');
SELECT * FROM segment.create_audiences('["spent > 1"]');
SELECT * FROM segment.create_audiences(NULL::json);
SELECT string_agg(audience, ' ' ORDER BY audience) FROM segment.audience;

SET client_min_messages = warning;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_audiences CASCADE;
