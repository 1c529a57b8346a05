# Do traits over the schemas of other people's shops agree with naive SQL, whatever
# happens to any of their tables?
#
# Three shops have the tables, columns, types, keys and about the sizes of sample
# databases that many have seen: a wholesaler whose integers are small, a film
# rental whose payments are partitioned, and a record shop whose names need quotes.
# Their rows are made up here.  The tables stay as they are; what is created
# beside them are indexes that attach_source() asks for.
#
#	SEED=4711 STEPS=30 perl -Itest/oracle test/oracle/schemas.pl

use strict;
use warnings;

use Oracle;

my $seed = $ENV{SEED} // 20260620;
my $steps = $ENV{STEPS} // 12;

srand $seed;
print "# SEED=$seed STEPS=$steps\n";
sql(q{CREATE EXTENSION IF NOT EXISTS segment;
SET client_min_messages = error;
-- a number from 0 to n - 1 that looks random, and is the same each time
CREATE FUNCTION dice(n int, VARIADIC of int[]) RETURNS int LANGUAGE sql IMMUTABLE AS
	$$ SELECT ((hashtextextended(of::text, 7) % n + n) % n)::int $$;});
wholesaler();
rental();
records();
done();

# ---- three shops -----------------------------------------------------------

sub wholesaler
{
	sql(q{
CREATE TABLE categories (category_id smallint PRIMARY KEY, category_name varchar(15) NOT NULL, description text);
CREATE TABLE suppliers (supplier_id smallint PRIMARY KEY, company_name varchar(40) NOT NULL, country varchar(15));
CREATE TABLE employees (employee_id smallint PRIMARY KEY, last_name varchar(20) NOT NULL, title varchar(30), hire_date date,
	reports_to smallint REFERENCES employees);
CREATE TABLE shippers (shipper_id smallint PRIMARY KEY, company_name varchar(40) NOT NULL);
CREATE TABLE customers (customer_id varchar(5) PRIMARY KEY, company_name varchar(40) NOT NULL, city varchar(15), country varchar(15));
CREATE TABLE products (product_id smallint PRIMARY KEY, product_name varchar(40) NOT NULL, supplier_id smallint REFERENCES suppliers,
	category_id smallint REFERENCES categories, unit_price real, discontinued integer NOT NULL);
CREATE TABLE orders (order_id smallint PRIMARY KEY, customer_id varchar(5) REFERENCES customers, employee_id smallint REFERENCES employees,
	order_date date, required_date date, shipped_date date, ship_via smallint REFERENCES shippers, freight real, ship_country varchar(15));
CREATE TABLE order_details (order_id smallint NOT NULL REFERENCES orders, product_id smallint NOT NULL REFERENCES products,
	unit_price real NOT NULL, quantity smallint NOT NULL, discount real NOT NULL, PRIMARY KEY (order_id, product_id));
INSERT INTO categories SELECT i, (ARRAY['Beverages', 'Condiments', 'Sweets', 'Cheese', 'Bread', 'Meat', 'Fruit', 'Fish'])[i] FROM generate_series(1, 8) AS i;
INSERT INTO suppliers SELECT i, 'Supplier ' || i, (ARRAY['Denmark', 'France', 'Japan', 'Norway'])[1 + dice(4, i)] FROM generate_series(1, 29) AS i;
INSERT INTO employees SELECT i, (ARRAY['Adler', 'Bruun', 'Carlsen', 'Dahl', 'Eskildsen', 'Friis', 'Gram', 'Holm', 'Iversen'])[i],
	CASE WHEN i = 2 THEN 'Manager' ELSE 'Seller' END, '1992-01-01'::date + 60 * i, CASE WHEN i <> 2 THEN 2 END FROM generate_series(1, 9) AS i;
INSERT INTO shippers SELECT i, 'Shipper ' || i FROM generate_series(1, 3) AS i;
INSERT INTO customers SELECT chr(65 + i / 26) || chr(65 + i % 26) || 'LFK', 'Shop ' || i, 'City ' || dice(69, i),
	(ARRAY['Denmark', 'France', 'Germany', 'Brazil', 'Mexico'])[1 + dice(5, i)] FROM generate_series(0, 90) AS i;
INSERT INTO products SELECT i, 'Product ' || chr(65 + i % 26) || i, 1 + dice(29, i, 1), 1 + dice(8, i, 2), 2 + dice(90, i, 3) + 0.5, dice(8, i, 4) / 7 FROM generate_series(1, 77) AS i;
INSERT INTO orders SELECT i, c, 1 + dice(9, i, 1), d, d + 28, CASE WHEN dice(40, i, 2) > 0 THEN d + 1 + dice(35, i, 3) END, 1 + dice(3, i, 4), dice(200, i, 5) + 0.25, 'Denmark'
	FROM generate_series(10248, 11077) AS i, LATERAL (SELECT '1996-07-04'::date + (i - 10248) * 670 / 830 AS d, chr(65 + n / 26) || chr(65 + n % 26) || 'LFK' AS c
		FROM (SELECT dice(89, i, 6) AS n) AS n) AS x;
INSERT INTO order_details SELECT DISTINCT ON (o, p) o, p, 2 + dice(90, p, 3), 1 + dice(60, o, p), dice(3, o, p, 1) * 0.25
	FROM generate_series(10248, 11077) AS o, generate_series(1, 3) AS n, LATERAL (SELECT 1 + dice(77, o, n) AS p) AS x;
SET segment.now = '1998-05-07 00:00:00+00';
SELECT segment.create_population('buyer', key => 'customer_id', key_type => 'varchar', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'order_date', look_up => '{"seller": "employees using employee_id", "shipper": "shippers using ship_via"}');
SELECT segment.attach_source('order_details', through => 'orders', look_up => '{"product": "products using product_id",
	"category": "categories using product.category_id", "supplier": "suppliers using product.supplier_id"}');
CREATE VIEW line AS SELECT o.customer_id AS key, o.order_date AS at, d.*, o.shipped_date, o.freight, p.product_name, p.unit_price AS list_price, c.category_name, s.country, e.last_name
	FROM order_details d JOIN orders o USING (order_id) LEFT JOIN products p USING (product_id) LEFT JOIN categories c USING (category_id)
	LEFT JOIN suppliers s USING (supplier_id) LEFT JOIN employees e USING (employee_id);
CREATE VIEW ordered AS SELECT customer_id AS key, order_date AS at, o.*, e.title FROM orders o LEFT JOIN employees e USING (employee_id);
});
	shop('a wholesaler', {
		view => 'buyer', key => 'customer_id', key_type => 'text', of => 'customers', close => [ 'freight', 'spent' ],
		traits => [
			[ company => 'customers.company_name', 'c.company_name' ],
			[ country => 'customers.country', 'c.country' ],
			[ orders => 'count(orders)', 'ordered', 'count(*)', 0 ],
			[ late => 'count(orders where shipped_date > required_date)', 'ordered', 'count(*) FILTER (WHERE shipped_date > required_date)', 0 ],
			[ freight => 'sum(orders.freight)', 'ordered', 'sum(freight::float8)', 0 ],
			[ last_order => 'max(orders.order_date)', 'ordered', 'max(order_date)' ],
			[ by_manager => 'exists(orders where seller.title = "Manager")', 'ordered', q{bool_or(title IS NOT DISTINCT FROM 'Manager')}, 'false' ],
			[ sellers => 'count(distinct order_details.seller.last_name)', 'line', 'count(DISTINCT last_name)', 0 ],
			[ units => 'sum(order_details.quantity)', 'line', 'sum(quantity)', 0 ],
			[ spent => 'sum(order_details.unit_price * quantity)', 'line', 'sum(unit_price * quantity)', 0 ],
			[ drinks => 'sum(order_details.quantity where category.category_name = "Beverages")', 'line',
				q{sum(quantity) FILTER (WHERE category_name = 'Beverages')}, 0 ],
			[ categories => 'list(distinct order_details.category.category_name)', 'line',
				q{array_agg(DISTINCT category_name::text ORDER BY category_name::text) FILTER (WHERE category_name IS NOT NULL)}, q{'{}'} ],
			[ japanese => 'count(order_details where supplier.country = "Japan" and discount > 0)', 'line',
				q{count(*) FILTER (WHERE country = 'Japan' AND discount > 0)}, 0 ],
			[ dearest => 'max(order_details.product.unit_price where orders.shipped_date is set)', 'line', 'max(list_price) FILTER (WHERE shipped_date IS NOT NULL)' ],
			[ favourite => 'most_frequent(order_details.product.product_name)', 'line', favourite('line', 'product_name') ],
			[ units_90d => 'sum(order_details.quantity in last 90 days)', 'line',
				q{sum(quantity) FILTER (WHERE at > '1998-05-07'::date - 90 AND at <= '1998-05-07')}, 0 ],
		],
		audiences => [
			[ big_buyers => 'spent > 15000', 'spent > 15000' ],
			[ drinkers => 'drinks > 50', 'drinks > 50' ],
			[ everything => 'categories contains all ("Beverages", "Fish", "Meat")', q{categories @> ARRAY['Beverages', 'Fish', 'Meat']} ],
			[ no_fish => 'not categories contains "Fish"', q{NOT categories @> ARRAY['Fish']} ],
			[ lapsed_buyers => 'last_order more than 60 days ago', q{last_order < '1998-05-07'::date - 60} ],
			[ waiting => 'late * 5 > orders', 'late * 5 > orders' ],
			[ danes => 'country = "Denmark" and orders > 5', q{country = 'Denmark' AND orders > 5} ],
			[ managed => 'by_manager and japanese > 2', 'by_manager AND japanese > 2' ],
			[ product_a => 'favourite starts with "Product A"', q{favourite LIKE 'Product A%'} ],
			[ quiet => 'units_90d = 0', 'units_90d = 0' ],
			[ many_hands => 'sellers >= 5 and dearest > 80', 'sellers >= 5 AND dearest > 80' ],
		],
		changes => [
			sub { 'UPDATE products SET category_id = ' . number(1, 8) . ' WHERE product_id % 11 = ' . number(0, 10) },
			sub { 'UPDATE products SET supplier_id = ' . pick('NULL', number(1, 29)) . ', unit_price = ' . number(1, 99) . ' WHERE product_id = ' . number(1, 77) },
			sub { q{UPDATE categories SET category_name = } . pick(q{'Beverages'}, q{'Fish'}, q{'Tea'}) . ' WHERE category_id = ' . number(1, 8) },
			sub { q{UPDATE employees SET last_name = } . pick(q{'Dahl'}, q{'Holm'}, q{'Juul'}) . q{, title = } . pick(q{'Manager'}, q{'Seller'}, 'NULL') . ' WHERE employee_id = ' . number(1, 9) },
			sub { q{UPDATE suppliers SET country = } . pick(q{'Japan'}, 'NULL') . ' WHERE supplier_id = ' . number(1, 29) },
			sub { q{UPDATE orders SET customer_id = } . pick('NULL', q{'AALFK'}, q{'BCLFK'}) . ', employee_id = ' . pick('NULL', number(1, 9)) . ' WHERE order_id % 83 = ' . number(0, 82) },
			sub { q{UPDATE orders SET order_date = order_date + } . number(-90, 90) . ', shipped_date = NULL WHERE order_id % 71 = ' . number(0, 70) },
			sub { 'UPDATE order_details SET quantity = quantity + 1, discount = 0.25 WHERE product_id = ' . number(1, 77) },
			sub { 'UPDATE order_details d SET product_id = 1 + product_id % 77 WHERE order_id % 97 = ' . number(0, 96)
				. ' AND NOT EXISTS (SELECT FROM order_details o WHERE o.order_id = d.order_id AND o.product_id = 1 + d.product_id % 77)' },
			sub { 'DELETE FROM order_details WHERE order_id % 103 = ' . number(0, 102) },
			sub { my $n = number(0, 50); "WITH d AS (DELETE FROM order_details WHERE order_id % 51 = $n RETURNING 1) SELECT count(*) FROM d; DELETE FROM orders WHERE order_id % 51 = $n" },
			sub { my $n = number(12000, 32000); "WITH o AS (INSERT INTO orders VALUES ($n, 'CALFK', 3, '1998-05-01', '1998-05-09', NULL, 1, 5, 'France') ON CONFLICT DO NOTHING RETURNING order_id)
				INSERT INTO order_details SELECT order_id, 1 + dice(77, i, $n), 3, i, 0 FROM o, generate_series(1, 4) AS i ON CONFLICT DO NOTHING" },
			sub { q{UPDATE customers SET country = 'Denmark', company_name = 'Renamed' WHERE customer_id LIKE '_} . pick('A' .. 'Z') . q{%'} },
		],
		drop => 'DROP TABLE categories, suppliers, employees, shippers, customers, products, orders, order_details CASCADE',
	});
}

sub rental
{
	sql(q{
CREATE TYPE mpaa_rating AS ENUM ('G', 'PG', 'PG-13', 'R', 'NC-17');
CREATE DOMAIN year AS integer CHECK (VALUE BETWEEN 1901 AND 2155);
CREATE TABLE country (country_id integer PRIMARY KEY, country text NOT NULL);
CREATE TABLE city (city_id integer PRIMARY KEY, city text NOT NULL, country_id smallint NOT NULL REFERENCES country);
CREATE TABLE address (address_id integer PRIMARY KEY, address text NOT NULL, city_id smallint NOT NULL REFERENCES city);
CREATE TABLE category (category_id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE film (film_id integer PRIMARY KEY, title text NOT NULL, release_year year, rental_rate numeric(4,2) NOT NULL, length smallint,
	rating mpaa_rating DEFAULT 'G', special_features text[]);
CREATE TABLE film_category (film_id smallint NOT NULL REFERENCES film, category_id smallint NOT NULL REFERENCES category, PRIMARY KEY (film_id, category_id));
CREATE TABLE staff (staff_id integer PRIMARY KEY, first_name text NOT NULL, active boolean NOT NULL DEFAULT true);
CREATE TABLE customer (customer_id integer PRIMARY KEY, first_name text NOT NULL, email text, address_id smallint NOT NULL REFERENCES address, activebool boolean NOT NULL);
CREATE TABLE inventory (inventory_id integer PRIMARY KEY, film_id smallint NOT NULL REFERENCES film, store_id smallint NOT NULL);
CREATE TABLE rental (rental_id integer PRIMARY KEY, rental_date timestamptz NOT NULL, inventory_id integer NOT NULL REFERENCES inventory, customer_id smallint NOT NULL REFERENCES customer,
	return_date timestamptz, staff_id smallint NOT NULL REFERENCES staff, UNIQUE (rental_date, inventory_id, customer_id));
CREATE TABLE payment (payment_id integer NOT NULL, customer_id smallint NOT NULL, staff_id smallint NOT NULL, rental_id integer NOT NULL, amount numeric(5,2) NOT NULL,
	payment_date timestamptz NOT NULL, PRIMARY KEY (payment_date, payment_id)) PARTITION BY RANGE (payment_date);
CREATE TABLE payment_p2022_02 PARTITION OF payment FOR VALUES FROM ('2022-02-01Z') TO ('2022-03-01Z');
CREATE TABLE payment_p2022_03 PARTITION OF payment FOR VALUES FROM ('2022-03-01Z') TO ('2022-04-01Z');
CREATE TABLE payment_p2022_04 PARTITION OF payment FOR VALUES FROM ('2022-04-01Z') TO ('2022-05-01Z');
CREATE TABLE payment_p2022_05 PARTITION OF payment FOR VALUES FROM ('2022-05-01Z') TO ('2022-06-01Z');
INSERT INTO country SELECT i, CASE i WHEN 1 THEN 'Denmark' WHEN 2 THEN 'India' ELSE 'Country ' || i END FROM generate_series(1, 109) AS i;
INSERT INTO city SELECT i, 'City ' || i, 1 + dice(CASE WHEN i % 3 = 0 THEN 109 ELSE 9 END, i) FROM generate_series(1, 600) AS i;
INSERT INTO address SELECT i, i || ' Main Street', 1 + dice(600, i) FROM generate_series(1, 603) AS i;
INSERT INTO category SELECT i, (ARRAY['Action', 'Animation', 'Children', 'Classics', 'Comedy', 'Documentary', 'Drama', 'Family', 'Foreign', 'Games', 'Horror', 'Music', 'New', 'Sci-Fi',
	'Sports', 'Travel'])[i] FROM generate_series(1, 16) AS i;
INSERT INTO film SELECT i, 'FILM ' || i, 2006, (ARRAY[0.99, 2.99, 4.99])[1 + dice(3, i)], 46 + dice(140, i, 1), (enum_range(NULL::mpaa_rating))[1 + dice(5, i, 2)],
	CASE dice(3, i, 3) WHEN 0 THEN ARRAY['Trailers'] WHEN 1 THEN ARRAY['Deleted Scenes', 'Trailers'] END FROM generate_series(1, 1000) AS i;
INSERT INTO film_category SELECT i, 1 + dice(16, i) FROM generate_series(1, 1000) AS i;
INSERT INTO staff VALUES (1, 'Mike'), (2, 'Jon');
INSERT INTO customer SELECT i, 'Customer ' || i, i || '@example.org', 1 + dice(603, i), i % 40 > 0 FROM generate_series(1, 599) AS i;
INSERT INTO inventory SELECT i, 1 + dice(1000, i), 1 + i % 2 FROM generate_series(1, 4581) AS i;
INSERT INTO rental SELECT i, at, 1 + dice(4581, i), 1 + dice(599, i, 1), CASE WHEN dice(80, i, 2) > 0 THEN at + (1 + dice(9, i, 3)) * interval '1 day' END, 1 + dice(2, i, 4)
	FROM generate_series(1, 16044) AS i, LATERAL (SELECT '2022-02-02 00:00Z'::timestamptz + i * interval '9 min 50 s' AS at) AS a;
INSERT INTO payment SELECT rental_id, customer_id, staff_id, rental_id, (ARRAY[0.99, 2.99, 4.99, 6.99])[1 + dice(4, rental_id)], rental_date FROM rental;
SET segment.now = '2022-05-24 00:00:00+00';
-- these are what attach_source() asks for
CREATE UNIQUE INDEX ON film_category (film_id);
CREATE INDEX ON rental (customer_id, rental_date);
CREATE INDEX ON rental (inventory_id);
CREATE INDEX ON inventory (film_id);
CREATE INDEX ON payment (customer_id, payment_date);
CREATE INDEX ON payment (rental_id);
SELECT segment.create_population('viewer', key => 'customer_id', key_type => 'integer', timezone => 'UTC');
SELECT segment.attach_source('customer', look_up => '{"home": "address using address_id", "city": "city using home.city_id", "country": "country using city.country_id"}');
SELECT segment.attach_source('rental', at => 'rental_date', look_up => '{"copy": "inventory using inventory_id", "film": "film using copy.film_id",
	"of_category": "film_category using film.film_id = film_id", "category": "category using of_category.category_id", "clerk": "staff using staff_id"}');
SELECT segment.attach_source('payment', at => 'payment_date', look_up => '{"rental": "rental using rental_id", "copy": "inventory using rental.inventory_id",
	"film": "film using copy.film_id"}');
CREATE VIEW rented AS SELECT r.customer_id AS key, r.rental_date AS at, r.*, f.title, f.length, f.rating, f.special_features, f.rental_rate, c.name AS category, s.first_name AS clerk
	FROM rental r LEFT JOIN inventory i USING (inventory_id) LEFT JOIN film f USING (film_id) LEFT JOIN film_category USING (film_id) LEFT JOIN category c USING (category_id)
	LEFT JOIN staff s USING (staff_id);
CREATE VIEW paid AS SELECT p.customer_id AS key, p.payment_date AS at, p.*, r.return_date, f.rating FROM payment p LEFT JOIN rental r USING (rental_id) LEFT JOIN inventory USING (inventory_id)
	LEFT JOIN film f USING (film_id);
CREATE VIEW known AS SELECT c.*, y.city, o.country FROM customer c LEFT JOIN address USING (address_id) LEFT JOIN city y USING (city_id) LEFT JOIN country o USING (country_id);
});
	shop('a film rental', {
		view => 'viewer', key => 'customer_id', key_type => 'integer', of => 'known',
		traits => [
			[ country => 'customer.country.country', 'c.country' ],
			[ city => 'customer.city.city', 'c.city' ],
			[ active => 'customer.activebool', 'c.activebool' ],
			[ rentals => 'count(rental)', 'rented', 'count(*)', 0 ],
			[ kept => 'count(rental where return_date is not set)', 'rented', 'count(*) FILTER (WHERE return_date IS NULL)', 0 ],
			[ horror => 'count(rental where category.name = "Horror")', 'rented', q{count(*) FILTER (WHERE category = 'Horror')}, 0 ],
			[ genres => 'count(distinct rental.category.name)', 'rented', 'count(DISTINCT category)', 0 ],
			[ favourite => 'most_frequent(rental.category.name)', 'rented', favourite('rented', 'category') ],
			[ longest => 'max(rental.film.length)', 'rented', 'max(length)' ],
			[ adult => 'count(rental where film.rating in ("R", "NC-17"))', 'rented', q{count(*) FILTER (WHERE rating IN ('R', 'NC-17'))}, 0 ],
			[ scenes => 'count(rental where film.special_features contains "Deleted Scenes")', 'rented', q{count(*) FILTER (WHERE 'Deleted Scenes' = ANY (special_features))}, 0 ],
			[ last_rental => 'max(rental.rental_date)', 'rented', 'max(rental_date)' ],
			[ by_mike => 'count(rental where clerk.first_name = "Mike")', 'rented', q{count(*) FILTER (WHERE clerk = 'Mike')}, 0 ],
			[ paid => 'sum(payment.amount)', 'paid', 'sum(amount)', 0 ],
			[ paid_open => 'sum(payment.amount where rental.return_date is not set)', 'paid', 'sum(amount) FILTER (WHERE return_date IS NULL)', 0 ],
			[ paid_adult => 'sum(payment.amount where film.rating = "NC-17")', 'paid', q{sum(amount) FILTER (WHERE rating = 'NC-17')}, 0 ],
			[ paid_30d => 'sum(payment.amount in last 30 days)', 'paid', q{sum(amount) FILTER (WHERE at > '2022-04-24Z' AND at <= '2022-05-24Z')}, 0 ],
		],
		audiences => [
			[ horror_fans => 'horror > 3', 'horror > 3' ],
			[ explorers => 'genres >= 13', 'genres >= 13' ],
			[ danes => 'country = "Denmark"', q{country = 'Denmark'} ],
			[ keepers => 'kept > 0 and active', 'kept > 0 AND active' ],
			[ grown_ups => 'adult * 2 > rentals', 'adult * 2 > rentals' ],
			[ spenders => 'paid > 120', 'paid > 120' ],
			[ owing => 'paid_open > 5', 'paid_open > 5' ],
			[ fans_of_action => 'favourite in ("Action", "Animation")', q{favourite IN ('Action', 'Animation')} ],
			[ recent => 'last_rental in last 2 days', q{last_rental > '2022-05-22Z' AND last_rental <= '2022-05-24Z'} ],
			[ slow => 'paid_30d < 20 and not in audience keepers', 'paid_30d < 20 AND NOT (kept > 0 AND active)' ],
			[ of_mike => 'by_mike > 15 or longest = 185', 'by_mike > 15 OR longest = 185' ],
			[ curious => 'scenes > 10 and paid_adult > 10', 'scenes > 10 AND paid_adult > 10' ],
		],
		changes => [
			sub { 'UPDATE film_category SET category_id = ' . number(1, 16) . ' WHERE film_id % 37 = ' . number(0, 36) },
			sub { 'DELETE FROM film_category WHERE film_id % 91 = ' . number(0, 90) },
			sub { q{UPDATE category SET name = } . pick(q{'Horror'}, q{'Action'}, q{'Noir'}) . ' WHERE category_id = ' . number(1, 16) },
			sub { q{UPDATE film SET rating = } . pick(q{'R'}, q{'G'}, 'NULL') . ', length = ' . number(40, 200) . ' WHERE film_id % 53 = ' . number(0, 52) },
			sub { 'UPDATE film SET special_features = special_features || ARRAY[' . pick(q{'Deleted Scenes'}, q{'Commentaries'}) . '] WHERE film_id % 41 = ' . number(0, 40) },
			sub { 'UPDATE inventory SET film_id = 1 + film_id % 1000 WHERE inventory_id % 67 = ' . number(0, 66) },
			sub { 'UPDATE rental SET return_date = ' . pick('NULL', q{'2022-05-23Z'}) . ' WHERE rental_id % 151 = ' . number(0, 150) },
			sub { 'UPDATE rental SET customer_id = ' . number(1, 599) . ', staff_id = 1 WHERE rental_id % 501 = ' . number(0, 500) },
			sub { 'UPDATE customer SET address_id = 1 + address_id % 603, activebool = NOT activebool WHERE customer_id % 61 = ' . number(0, 60) },
			sub { 'UPDATE city SET country_id = ' . number(1, 3) . ' WHERE city_id % 59 = ' . number(0, 58) },
			sub { q{UPDATE country SET country = } . pick(q{'Denmark'}, q{'Chile'}) . ' WHERE country_id = ' . number(1, 9) },
			sub { 'UPDATE payment SET amount = amount + 1 WHERE payment_id % 97 = ' . number(0, 96) },
			sub { q{UPDATE payment SET payment_date = payment_date + interval '9 days' WHERE payment_date < '2022-05-20Z' AND payment_id % 211 = } . number(0, 210) },
			sub { 'DELETE FROM ' . pick('payment_p2022_02', 'payment_p2022_04') . ' WHERE payment_id % 17 = ' . number(0, 16) },
			sub { 'DELETE FROM rental WHERE rental_id % 307 = ' . number(0, 306) },
			sub { my $n = number(20_000, 900_000); "WITH r AS (INSERT INTO rental SELECT $n + i, '2022-05-23 10:00Z', 1 + dice(4581, i, $n), 1 + dice(599, i, $n), NULL, 1 FROM generate_series(1, 20) AS i ON CONFLICT DO NOTHING
				RETURNING *) INSERT INTO payment SELECT rental_id, customer_id, 1, rental_id, 4.99, rental_date FROM r ON CONFLICT DO NOTHING" },
		],
		drop => 'DROP TABLE payment, rental, inventory, customer, staff, film_category, film, category, address, city, country CASCADE; DROP TYPE mpaa_rating; DROP DOMAIN year',
	});
}

sub records
{
	sql(q{
CREATE TABLE "Artist" ("ArtistId" int PRIMARY KEY, "Name" varchar(120));
CREATE TABLE "Album" ("AlbumId" int PRIMARY KEY, "Title" varchar(160) NOT NULL, "ArtistId" int NOT NULL REFERENCES "Artist");
CREATE TABLE "Genre" ("GenreId" int PRIMARY KEY, "Name" varchar(120));
CREATE TABLE "MediaType" ("MediaTypeId" int PRIMARY KEY, "Name" varchar(120));
CREATE TABLE "Employee" ("EmployeeId" int PRIMARY KEY, "LastName" varchar(20) NOT NULL, "ReportsTo" int REFERENCES "Employee");
CREATE TABLE "Customer" ("CustomerId" int PRIMARY KEY, "FirstName" varchar(40) NOT NULL, "Country" varchar(40), "SupportRepId" int REFERENCES "Employee");
CREATE TABLE "Track" ("TrackId" int PRIMARY KEY, "Name" varchar(200) NOT NULL, "AlbumId" int REFERENCES "Album", "MediaTypeId" int NOT NULL REFERENCES "MediaType",
	"GenreId" int REFERENCES "Genre", "Milliseconds" int NOT NULL, "UnitPrice" numeric(10,2) NOT NULL);
CREATE TABLE "Invoice" ("InvoiceId" int PRIMARY KEY, "CustomerId" int NOT NULL REFERENCES "Customer", "InvoiceDate" timestamp NOT NULL, "BillingCountry" varchar(40), "Total" numeric(10,2) NOT NULL);
CREATE TABLE "InvoiceLine" ("InvoiceLineId" int PRIMARY KEY, "InvoiceId" int NOT NULL REFERENCES "Invoice", "TrackId" int NOT NULL REFERENCES "Track", "UnitPrice" numeric(10,2) NOT NULL,
	"Quantity" int NOT NULL);
CREATE INDEX ON "Invoice" ("CustomerId");
CREATE INDEX ON "InvoiceLine" ("InvoiceId");
CREATE INDEX ON "InvoiceLine" ("TrackId");
CREATE INDEX ON "Track" ("AlbumId");
CREATE INDEX ON "Track" ("GenreId");
CREATE INDEX ON "Track" ("MediaTypeId");
CREATE INDEX ON "Album" ("ArtistId");
CREATE INDEX ON "Customer" ("SupportRepId");
INSERT INTO "Artist" SELECT i, 'Artist ' || i FROM generate_series(1, 275) AS i;
INSERT INTO "Album" SELECT i, 'Album ' || i, 1 + dice(275, i) FROM generate_series(1, 347) AS i;
INSERT INTO "Genre" SELECT i, CASE i WHEN 1 THEN 'Rock' WHEN 2 THEN 'Jazz' WHEN 3 THEN 'Latin' ELSE 'Genre ' || i END FROM generate_series(1, 25) AS i;
INSERT INTO "MediaType" SELECT i, (ARRAY['MPEG audio', 'AAC audio', 'MPEG-4 video', 'Purchased AAC', 'Other'])[i] FROM generate_series(1, 5) AS i;
INSERT INTO "Employee" SELECT i, (ARRAY['Adams', 'Edwards', 'Peacock', 'Park', 'Johnson', 'Mitchell', 'King', 'Callahan'])[i], CASE WHEN i > 1 THEN 1 + i / 3 END FROM generate_series(1, 8) AS i;
INSERT INTO "Customer" SELECT i, 'Customer ' || i, (ARRAY['USA', 'Canada', 'Denmark', 'Brazil'])[1 + dice(4, i)], 3 + i % 3 FROM generate_series(1, 59) AS i;
INSERT INTO "Track" SELECT i, 'Track ' || i, 1 + i % 347, 1 + dice(5, i), CASE WHEN i % 3 = 0 THEN 1 + dice(25, i) ELSE 1 + dice(3, i) END, 60000 + dice(400000, i), 0.99 + dice(2, i, 1)
	FROM generate_series(1, 3503) AS i;
INSERT INTO "Invoice" SELECT i, 1 + dice(59, i), '2021-01-01'::timestamp + i * interval '106 hours', 'USA', dice(20, i) + 0.99 FROM generate_series(1, 412) AS i;
INSERT INTO "InvoiceLine" SELECT i, 1 + i * 411 / 2240, 1 + dice(3503, i), 0.99 + dice(2, i, 1), 1 + dice(3, i, 2) FROM generate_series(1, 2240) AS i;
SET segment.now = '2026-01-01 00:00:00+00';
SELECT segment.create_population('listener', key => 'CustomerId', key_type => 'int', timezone => 'UTC');
SELECT segment.attach_source('"Customer"', look_up => '{"rep": "\"Employee\" using \"SupportRepId\""}');
SELECT segment.attach_source('"Invoice"', at => 'InvoiceDate');
SELECT segment.attach_source('"InvoiceLine"', through => 'Invoice', link => '"InvoiceId"', name => 'line', look_up => '{"track": "\"Track\" using \"TrackId\"",
	"genre": "\"Genre\" using track.\"GenreId\"", "album": "\"Album\" using track.\"AlbumId\"", "artist": "\"Artist\" using album.ArtistId", "media": "\"MediaType\" using track.MediaTypeId"}');
CREATE VIEW sold AS SELECT i."CustomerId" AS key, i."InvoiceDate" AS at, l.*, t."Milliseconds" AS ms, g."Name" AS genre, al."Title" AS album, ar."Name" AS artist, m."Name" AS media, i."BillingCountry" AS country
	FROM "InvoiceLine" l JOIN "Invoice" i USING ("InvoiceId") LEFT JOIN "Track" t USING ("TrackId") LEFT JOIN "Genre" g USING ("GenreId") LEFT JOIN "Album" al USING ("AlbumId")
	LEFT JOIN "Artist" ar USING ("ArtistId") LEFT JOIN "MediaType" m USING ("MediaTypeId");
CREATE VIEW billed AS SELECT "CustomerId" AS key, "InvoiceDate" AS at, * FROM "Invoice";
CREATE VIEW known AS SELECT c.*, e."LastName" AS rep FROM "Customer" c LEFT JOIN "Employee" e ON e."EmployeeId" = c."SupportRepId";
});
	shop('a record shop', {
		view => 'listener', key => '"CustomerId"', key_type => 'integer', of => 'known',
		traits => [
			[ country => '`Customer`.`Country`', 'c."Country"' ],
			[ rep => '`Customer`.rep.`LastName`', 'c.rep' ],
			[ invoices => 'count(`Invoice`)', 'billed', 'count(*)', 0 ],
			[ billed => 'sum(`Invoice`.`Total`)', 'billed', 'sum("Total")', 0 ],
			[ last_invoice => 'max(`Invoice`.`InvoiceDate`)', 'billed', 'max("InvoiceDate")' ],
			[ tracks => 'sum(line.`Quantity`)', 'sold', 'sum("Quantity")', 0 ],
			[ spent => 'sum(line.`UnitPrice` * `Quantity`)', 'sold', 'sum("UnitPrice" * "Quantity")', 0 ],
			[ rock => 'sum(line.`UnitPrice` * `Quantity` where genre.`Name` = "Rock")', 'sold', q{sum("UnitPrice" * "Quantity") FILTER (WHERE genre = 'Rock')}, 0 ],
			[ genres => 'list(distinct line.genre.`Name`)', 'sold', 'array_agg(DISTINCT genre::text ORDER BY genre::text) FILTER (WHERE genre IS NOT NULL)', q{'{}'} ],
			[ artists => 'count(distinct line.artist.`Name`)', 'sold', 'count(DISTINCT artist)', 0 ],
			[ favourite => 'most_frequent(line.artist.`Name`)', 'sold', favourite('sold', 'artist') ],
			[ longest => 'max(line.track.`Milliseconds` where not media.`Name` contains "video")', 'sold', q{max(ms) FILTER (WHERE (media LIKE '%video%') IS NOT TRUE)} ],
			[ first_album => 'first(line.album.`Title`)', 'sold',
				'(SELECT album FROM sold s WHERE s.key = sold.key AND album IS NOT NULL ORDER BY at, album LIMIT 1)' ],
			[ rock_year => 'count(line where genre.`Name` = "Rock" in last 365 days)', 'sold', q{count(*) FILTER (WHERE genre = 'Rock' AND at > '2025-01-01' AND at <= '2026-01-01')}, 0 ],
		],
		audiences => [
			[ rockers => 'rock * 3 > spent', 'rock * 3 > spent' ],
			[ genre_20 => 'genres contains "Genre 20"', q{'Genre 20' = ANY (genres)} ],
			[ broad => 'artists > 30', 'artists > 30' ],
			[ danes => 'country = "Denmark" and tracks > 20', q{country = 'Denmark' AND tracks > 20} ],
			[ of_peacock => 'rep = "Peacock"', q{rep = 'Peacock'} ],
			[ away => 'last_invoice more than 1 year ago', q{last_invoice < '2025-01-01'} ],
			[ big => 'billed > 80 or spent > 120', 'billed > 80 OR spent > 120' ],
			[ fans => 'favourite like "Artist 1%"', q{favourite LIKE 'Artist 1%'} ],
			[ long => 'longest >= 450000', 'longest >= 450000' ],
			[ rocking_now => 'rock_year > 1', 'rock_year > 1' ],
			[ album_1 => 'first_album starts with "Album 1"', q{first_album LIKE 'Album 1%'} ],
		],
		changes => [
			sub { 'UPDATE "Track" SET "GenreId" = ' . pick('NULL', 1, 2) . ', "Milliseconds" = ' . number(60_000, 500_000) . ' WHERE "TrackId" % 43 = ' . number(0, 42) },
			sub { 'UPDATE "Track" SET "AlbumId" = ' . pick('NULL', number(1, 347)) . ' WHERE "TrackId" % 47 = ' . number(0, 46) },
			sub { q{UPDATE "Genre" SET "Name" = } . pick(q{'Rock'}, q{'Jazz'}, 'NULL') . ' WHERE "GenreId" = ' . number(1, 6) },
			sub { 'UPDATE "Album" SET "ArtistId" = ' . number(1, 275) . ', "Title" = ' . pick(q{'Album 1x'}, q{'Other'}) . ' WHERE "AlbumId" % 31 = ' . number(0, 30) },
			sub { q{UPDATE "Artist" SET "Name" = 'Artist 1' WHERE "ArtistId" % 29 = } . number(0, 28) },
			sub { q{UPDATE "MediaType" SET "Name" = } . pick(q{'MPEG-4 video'}, q{'AAC audio'}, 'NULL') . ' WHERE "MediaTypeId" = ' . number(1, 5) },
			sub { q{UPDATE "Employee" SET "LastName" = } . pick(q{'Peacock'}, q{'Lund'}) . ' WHERE "EmployeeId" = ' . number(3, 5) },
			sub { 'UPDATE "Customer" SET "SupportRepId" = ' . pick('NULL', number(1, 8)) . ' WHERE "CustomerId" % 7 = ' . number(0, 6) },
			sub { 'UPDATE "Invoice" SET "CustomerId" = ' . number(1, 59) . ' WHERE "InvoiceId" % 37 = ' . number(0, 36) },
			sub { q{UPDATE "Invoice" SET "InvoiceDate" = "InvoiceDate" + interval '100 days', "Total" = "Total" + 1 WHERE "InvoiceId" % 23 = } . number(0, 22) },
			sub { 'UPDATE "InvoiceLine" SET "TrackId" = 1 + "TrackId" % 3503, "Quantity" = 2 WHERE "InvoiceLineId" % 29 = ' . number(0, 28) },
			sub { 'DELETE FROM "InvoiceLine" WHERE "InvoiceLineId" % 53 = ' . number(0, 52) },
			sub { my $n = number(0, 60); "DELETE FROM \"InvoiceLine\" WHERE \"InvoiceId\" % 61 = $n; DELETE FROM \"Invoice\" WHERE \"InvoiceId\" % 61 = $n" },
			sub { my $n = number(5000, 90_000); qq{WITH i AS (INSERT INTO "Invoice" VALUES ($n, @{[number(1, 59)]}, '2025-12-01', 'Denmark', 9) ON CONFLICT DO NOTHING RETURNING "InvoiceId")
				INSERT INTO "InvoiceLine" SELECT $n * 10 + e, "InvoiceId", 1 + dice(3503, $n, e), 0.99, e FROM i, generate_series(1, 6) AS e ON CONFLICT DO NOTHING} },
		],
		drop => 'DROP TABLE "InvoiceLine", "Invoice", "Customer", "Employee", "Track", "MediaType", "Genre", "Album", "Artist" CASCADE',
	});
}

# ---- what is done with each -------------------------------------------------

# Traits as [ name, definition, column of a customer ] or [ name, definition, view of
# events, aggregate over it, what it is without any ].
sub shop
{
	my ($what, $shop) = @_;
	my $started = time;

	sql("SELECT segment.create_trait('$_->[0]', \$t\$$_->[1]\$t\$);") for @{ $shop->{traits} };
	sql("SELECT segment.create_audience('$_->[0]', \$f\$$_->[1]\$f\$);") for @{ $shop->{audiences} };
	$shop->{naive} = naive($shop);
	compare($what, $shop);
	compare_each_is_some($what, $shop);
	for my $step (1 .. $steps)
	{
		my @changes = map { pick(@{ $shop->{changes} })->() } 1 .. pick(1, 1, 2, 4);

		sql(@changes > 1 ? join('; ', 'BEGIN', @changes, pick('COMMIT', 'COMMIT', 'ROLLBACK')) . ';' : "$changes[0];");
		compare("$what, step $step", $shop);
		sources_are_whole("$what, step $step") if $step % 4 == 0;
	}
	sources_are_whole("$what, after all");
	sql("SELECT segment.drop_population('$shop->{view}', cascade => true); $shop->{drop};");
	return;
}

# Comparisons say something only if some customers are in an audience, and some not.
sub compare_each_is_some
{
	my ($what, $shop) = @_;

	for my $audience (@{ $shop->{audiences} })
	{
		my $members = value("SELECT count(*) FROM $audience->[0]");

		ok_if($members > 0 && $members < value('SELECT count(*) FROM naive'), "$what: some are $audience->[0], $members");
	}
	return;
}

sub naive
{
	my ($shop) = @_;
	my (%of, @columns);

	for my $trait (@{ $shop->{traits} })
	{
		my ($name, undef, $from, $aggregate, $nothing) = @$trait;

		push @columns, defined $aggregate ? defined $nothing ? "coalesce($from.$name, $nothing) AS $name" : "$from.$name" : "$from AS $name";
		push @{ $of{$from} }, "$aggregate AS $name" if defined $aggregate;
	}
	return join ' ', "SELECT c.$shop->{key},", join(', ', @columns), "FROM $shop->{of} c",
	  map { "LEFT JOIN (SELECT key, " . join(', ', @{ $of{$_} }) . " FROM $_ GROUP BY key) $_ ON $_.key = c.$shop->{key}" } sort keys %of;
}

# The value that most rows of a customer have: of several the latest, and of these the
# smallest.
sub favourite
{
	my ($view, $column) = @_;

	return "(SELECT $column FROM $view s WHERE s.key = $view.key AND $column IS NOT NULL GROUP BY $column ORDER BY count(*) DESC, max(at) DESC NULLS LAST, $column LIMIT 1)";
}

sub number { my ($from, $to) = @_; return $from + int rand($to - $from + 1); }
