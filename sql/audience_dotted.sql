-- A name with a dot is a trait where it is no column of a source: club.balance
-- is club_balance.
CREATE SCHEMA shop_dotted;
SET search_path = shop_dotted;
CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text, payload jsonb);
CREATE TABLE entries (id bigint PRIMARY KEY, customer_id bigint, points int, at timestamptz);
CREATE INDEX ON entries (customer_id, at);
INSERT INTO customers VALUES (1, 'Aarhus', '{"size": 40}'), (2, 'Odense', '{"size": 38}');
INSERT INTO entries VALUES (1, 1, 600, '2026-01-01'), (2, 2, 100, '2026-01-01');
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('entries', at => 'at');
SELECT segment.create_trait('club_balance', 'sum(entries.points)');
SELECT segment.create_trait('club_extra', 'customers.payload');
SELECT segment.create_trait('payload', 'customers.payload');
SELECT segment.create_trait('city', 'customers.city');
SELECT segment.create_trait('customers_city', 'upper(city)');
SELECT segment.create_trait('payload_size', '1');

-- the trait is what the definition keeps; columns and keys stay what they are
SELECT segment.create_trait('club_tier', 'band(club.balance, 0, "bronze", 500, "silver")');
SELECT segment.create_audience('silver', 'club.tier = "silver"');
SELECT segment.create_audience('rich', 'club.balance * 2 > 1000 and not club.extra.size < 39');
SELECT segment.create_audience('columns', 'customers.city = "Aarhus" and payload.size = 40');
SELECT segment.create_audience('within', 'sum(entries.points where entries.points > 1) > 1 and club.balance > 1');
SELECT * FROM segment.create_audiences('{"bulk": "club.balance > 500 and club.tier is set"}');
SELECT trait, definition FROM segment.trait ORDER BY position;
SELECT audience, filter FROM segment.audience ORDER BY 1;
SELECT audience, segment.size(audience) FROM segment.audience ORDER BY 1;
SELECT * FROM segment.explain('rich', 1);
SELECT segment.alter_audience('silver', 'club.tier in ("silver", "gold")');
SELECT * FROM segment.dependencies('club_balance');

-- questions, and rows of the view and of the base table
SELECT segment.count_where('club.balance > 500'), segment.count_where('club.extra.size = 38');
SELECT * FROM segment.what_if('rich', 'club.balance >= 100');
SELECT customer_id FROM profile p WHERE p @@ 'club.balance > 500' ORDER BY 1;
SELECT customer_id FROM profile p WHERE p @@ 'club.extra.size = 38 or payload.size = 0' ORDER BY 1;
SELECT segment.filter_sql('club.balance > 500 and payload.size = 1', 'profile');
SELECT 'club.balance > 500'::segment.filter, 'club.balance > 500'::segment.filter::jsonb;

-- a trait that is renamed is found, and a source that comes later changes nothing
SELECT segment.rename_trait('club_balance', 'points');
CREATE TABLE club (LIKE entries INCLUDING ALL);
SELECT segment.attach_source('club', at => 'at');
SELECT segment.create_trait('club_points', 'points + 1');
SELECT trait, definition FROM segment.trait ORDER BY position;
SELECT audience, filter FROM segment.audience ORDER BY 1;
SELECT segment.count_where('club.tier = "silver"'), segment.count_where('points > 500');

-- what is neither
SELECT segment.create_audience('wrong', 'club.teir = "silver"');
SELECT segment.create_audience('wrong', 'club.balance > 1');
SELECT segment.create_audience('wrong', 'clib.tier = "silver"');
SELECT segment.create_trait('wrong', 'customers.town');
SELECT segment.create_trait('wrong', 'customers.ctiy');
SELECT segment.count_where('paylod.size = 1');
SELECT customer_id FROM profile p WHERE p @@ 'clib.tier = "silver"';
-- a column of events is not one value
SELECT segment.count_where('club.points > 1');
SET client_min_messages = warning;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_dotted CASCADE;
