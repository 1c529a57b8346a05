-- What users have built on a population's view stands in nobody's way who does not
-- touch it, and is named where it does; and what was given to the view stays.
CREATE SCHEMA shop_view;
CREATE SCHEMA reports;
SET search_path = shop_view, public;
CREATE ROLE regress_segment_reader;
CREATE ROLE regress_segment_clerk;
CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text, points int, born date);
CREATE TABLE orders (id bigint, customer_id bigint, amount numeric, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
INSERT INTO customers VALUES (1, 'Aarhus', 3, '1990-01-01'), (2, 'Odense', 5, '1980-02-02');
INSERT INTO orders VALUES (1, 1, 10, '2026-05-01'), (2, 2, 20, '2026-05-02');
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.create_trait('city', 'customers.city');
SELECT segment.create_trait('points', 'customers.points');
SELECT segment.create_trait('spend', 'sum(orders.amount)');
SELECT segment.create_trait('orders', 'count(orders)');

-- what the view has been given
GRANT SELECT ON profile TO regress_segment_reader WITH GRANT OPTION;
GRANT SELECT (city, points) ON profile TO regress_segment_clerk;
GRANT UPDATE ON profile TO PUBLIC;
REVOKE DELETE ON profile FROM CURRENT_USER;
COMMENT ON VIEW profile IS 'whom we know';
ALTER VIEW profile SET (security_barrier = true);
CREATE TABLE grants AS SELECT a.grantee::regrole, privilege_type, is_grantable FROM pg_class, aclexplode(relacl) a WHERE oid = 'profile'::regclass;
SELECT grantee::regrole, privilege_type, is_grantable FROM grants WHERE grantee::oid <> (SELECT relowner FROM pg_class WHERE oid = 'profile'::regclass) ORDER BY 1, 2;
CREATE FUNCTION look() RETURNS TABLE (options text[], comment text, columns text, lost bigint, more bigint) LANGUAGE sql AS $$
    SELECT reloptions, obj_description(oid), (SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = oid AND has_column_privilege('regress_segment_clerk', oid, attnum, 'SELECT')),
           (SELECT count(*) FROM (TABLE grants EXCEPT SELECT a.grantee::regrole, privilege_type, is_grantable FROM aclexplode(relacl) a) l),
           (SELECT count(*) FROM (SELECT a.grantee::regrole, privilege_type, is_grantable FROM aclexplode(relacl) a EXCEPT TABLE grants) m)
    FROM pg_class WHERE oid = to_regclass('shop_view.profile') $$;
SELECT * FROM look();
-- added to
SELECT segment.create_trait('born', 'customers.born');
SELECT * FROM look();
-- made again, beside default privileges that would give more
ALTER DEFAULT PRIVILEGES IN SCHEMA shop_view GRANT INSERT ON TABLES TO regress_segment_clerk;
SELECT segment.drop_trait('born');
SELECT * FROM look();
SELECT segment.alter_trait('orders', 'count(orders) + 0.5');
SELECT * FROM look();
ALTER DEFAULT PRIVILEGES IN SCHEMA shop_view REVOKE INSERT ON TABLES FROM regress_segment_clerk;
SELECT segment.drop_trait('points');
SELECT * FROM look();
ALTER VIEW profile RESET (security_barrier);
SELECT segment.create_trait('points', 'customers.points');

-- users' own
CREATE VIEW reports.cities AS SELECT city, count(*) AS customers FROM profile GROUP BY city;
CREATE VIEW reports.large AS SELECT * FROM reports.cities WHERE customers > 1;
CREATE MATERIALIZED VIEW reports.spent AS SELECT customer_id, spend FROM profile;
CREATE FUNCTION reports.points(id bigint) RETURNS int STABLE RETURN (SELECT points FROM profile WHERE customer_id = id);
CREATE TABLE reports.letters (customer_id bigint);
ALTER TABLE reports.letters ENABLE ROW LEVEL SECURITY;
CREATE POLICY rich ON reports.letters USING (EXISTS (SELECT FROM profile p WHERE p.customer_id = letters.customer_id AND spend > 15));

-- what can be done beside them
SELECT segment.create_trait('first_order', 'min(orders.ordered_at)');
SELECT segment.alter_trait('spend', 'sum(orders.amount where amount > 15)');
SELECT segment.alter_trait('city', description => 'where they live');
SELECT segment.alter_trait('orders', 'count(orders) + 1.5');
REFRESH MATERIALIZED VIEW reports.spent;
SELECT * FROM reports.spent ORDER BY 1;
-- what cannot, and who is in the way; the statements in the hint work as they stand
SELECT segment.drop_trait('city');
SELECT segment.alter_trait('spend', 'count(orders)');
SELECT segment.drop_trait('points');
SELECT segment.alter_trait('city', 'customers.points');
SELECT segment.detach_source('customers', cascade => true);
SELECT segment.drop_population('profile', cascade => true);
BEGIN;
DROP MATERIALIZED VIEW reports.spent; DROP POLICY rich ON reports.letters;
SELECT segment.alter_trait('spend', 'count(orders)');
ROLLBACK;

-- nobody reads it, but a view cannot lose a column beside others that read it
SELECT segment.drop_trait('first_order');
SELECT segment.alter_trait('orders', 'count(orders)');
SELECT * FROM profile ORDER BY 1;
\d profile
SELECT col_description('profile'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'profile'::regclass AND attname = 'dropped_1';
-- its place is taken by the next one of its type
SELECT segment.create_trait('last_order', 'max(orders.ordered_at)');
SELECT segment.create_trait('dropped_2', 'upper(city)');
SELECT * FROM profile ORDER BY 1;
SELECT * FROM reports.cities ORDER BY 1;
SELECT segment.drop_trait('dropped_2');
SELECT * FROM profile ORDER BY 1;
-- a trait may be given the name that a place has
SELECT segment.rename_trait('last_order', 'dropped_2');
SELECT * FROM profile ORDER BY 1;
SELECT * FROM reports.cities ORDER BY 1;
SELECT segment.rename_trait('dropped_2', 'last_order');

-- and it goes when they have gone
DROP SCHEMA reports CASCADE;
SELECT segment.alter_trait('city', description => 'home');
SELECT * FROM profile ORDER BY 1;
SELECT * FROM look();

-- a trigger or rule of the owner's on the view is not lost either
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE TRIGGER refuse INSTEAD OF DELETE ON profile FOR EACH ROW EXECUTE FUNCTION refuse();
SELECT segment.drop_trait('points');
SELECT tgname FROM pg_trigger WHERE tgrelid = 'profile'::regclass;
DROP TRIGGER refuse ON profile;

-- whole rows
CREATE FUNCTION spent(p profile) RETURNS numeric LANGUAGE sql AS 'SELECT p.spend';
SELECT customer_id, spent(p) FROM profile p ORDER BY 1;
SELECT segment.drop_trait('last_order');
SELECT customer_id, spent(p) FROM profile p ORDER BY 1;
SELECT segment.drop_population('profile', cascade => true);
DROP FUNCTION spent;

-- the view of an audience
SELECT segment.create_audience('locals', 'city = "Aarhus"');
CREATE VIEW ours AS SELECT customer_id FROM locals;
ALTER VIEW locals SET (security_barrier = true);
GRANT SELECT ON locals TO regress_segment_reader;
SELECT segment.alter_audience('locals', 'city = "Odense"');
SELECT segment.rename_audience('locals', 'islanders');
SELECT * FROM ours;
SELECT reloptions, has_table_privilege('regress_segment_reader', oid, 'SELECT') FROM pg_class WHERE oid = 'islanders'::regclass;
SELECT segment.drop_audience('islanders');
SELECT segment.drop_trait('city', cascade => true);
DROP VIEW ours;
SELECT segment.drop_trait('city', cascade => true);
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_view CASCADE;
DROP ROLE regress_segment_reader, regress_segment_clerk;
