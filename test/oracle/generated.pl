# Does a small chain of shops give the same traits and members as naive SQL?
#
# A few thousand events, made by arithmetic on hashes so that they are the same
# every time, with what real ones have too: events of nobody, without a value or
# a time, ties, late and future ones.  Every aggregate, every kind of trait and
# nearly every predicate; tables first and then segment, and the other way
# round; and after it corrections of all kinds.
#
# The clock stands at 11 December 2011 in New York, a day with a leap year
# before and after it.

use strict;
use warnings;
use utf8;

use Oracle;

my $now = "timestamptz '2011-12-11 15:30:00+00'";
my $today = "date '2011-12-11'";
my $zone = "'America/New_York'";

my $shop = {
	view => 'profile',
	profiles => 301,
	small => 1,
	key => 'customer_id',
	key_type => 'bigint',
	timezone => 'America/New_York',
	close => [ 'spread', 'weight', 'average_weight', 'weight_spread' ],
	traits => [
		[ order_count => 'count(orders)' ],
		[ paid_count => 'count(orders where status = "paid")' ],
		[ priced => 'count(orders.amount)' ],
		[ store_count => 'count(distinct orders.store)' ],
		[ amounts => 'count(distinct orders.amount where status != "refunded")' ],
		[ spent => 'sum(orders.amount)' ],
		[ paid => 'sum(orders.amount where status = "paid")' ],
		[ items => 'sum(orders.items)' ],
		[ worth => 'sum(orders.amount * items where amount > 2 and items < 9)' ],
		[ weight => 'sum(orders.weight)' ],
		[ average_order => 'avg(orders.amount)' ],
		[ average_weight => 'avg(orders.weight)' ],
		[ average_items => 'avg(orders.items where not store = "Harbour")' ],
		[ smallest => 'min(orders.amount)' ],
		[ biggest => 'max(orders.amount where status in ("paid", "open"))' ],
		[ first_order_at => 'min(orders.ordered_at)' ],
		[ last_order_at => 'max(orders.ordered_at)' ],
		[ alphabetic => 'min(orders.store)' ],
		[ first_store => 'first(orders.store)' ],
		[ last_store => 'last(orders.store)' ],
		[ last_big => 'last(orders.items where amount >= 10)' ],
		[ stores => 'list(distinct orders.store)' ],
		[ item_list => 'list(distinct orders.items where status = "paid")' ],
		[ favourite => 'most_frequent(orders.store)' ],
		[ usual => 'most_frequent(orders.items where status = "paid")' ],
		[ spread => 'stddev(orders.amount)' ],
		[ weight_spread => 'stddev(orders.weight)' ],
		[ refunded => 'exists(orders where status = "refunded")' ],
		[ visit_count => 'count(visits)' ],
		[ longest => 'max(visits.seconds)' ],
		[ first_visit => 'min(visits.visited_at)' ],
		[ last_page => 'last(visits.page)' ],
		[ pages => 'list(distinct visits.page where seconds > 30)' ],
		[ favourite_page => 'most_frequent(visits.page)' ],
		[ city => 'customers.city' ],
		[ born_on => 'customers.born_on' ],
		[ tags => 'customers.tags' ],
		[ newsletter => 'customers.newsletter' ],
		[ details => 'customers.details' ],
		[ home => 'coalesce(city, "?")' ],
		[ per_visit => 'spent / visit_count' ],
		[ surplus => 'order_count - 2 * visit_count' ],
		[ weighed => 'sum(case when orders.status = "paid" then orders.amount when orders.items > 4 then orders.items end)' ],
		[ harbour_paid => 'sum(orders.amount of store "Harbour" where status = "paid")' ],
		[ nines => 'count(orders of items 9 of store "Campus")' ],
		[ tier => 'band(paid, 0, "bronze", 20, "silver", 60.5, "gold")' ],
		[ sort => 'case when refunded then "R" when visit_count > order_count then favourite_page else city end' ],
	],
	audiences => [
		[ big => 'paid > 60', 'paid > 60' ],
		[ cheap => 'average_order <= 9.5', 'average_order <= 9.5' ],
		[ not_cheap => 'not average_order <= 9.5',
			'(average_order <= 9.5) IS NOT TRUE' ],
		[ regular => 'order_count between 4 and 8', 'order_count BETWEEN 4 AND 8' ],
		[ irregular => 'order_count not between 4 and 8',
			'(order_count BETWEEN 4 AND 8) IS NOT TRUE' ],
		[ usual_three => 'usual != 3', '(usual = 3) IS NOT TRUE' ],
		[ funen => 'city in ("Odense", "Svendborg")', "city IN ('Odense', 'Svendborg')" ],
		[ not_funen => "city not in ('Odense', 'Svendborg')",
			"(city IN ('Odense', 'Svendborg')) IS NOT TRUE" ],
		[ harbour => 'stores contains "Harbour"', "'Harbour' = ANY (stores)" ],
		[ either => 'stores contains any ("Harbour", "Campus")',
			"'Harbour' = ANY (stores) OR 'Campus' = ANY (stores)" ],
		[ harbour_campus => 'stores contains all ("Harbour", "Campus")',
			"'Harbour' = ANY (stores) AND 'Campus' = ANY (stores)" ],
		[ nine => 'item_list not contains 9', '(9 = ANY (item_list)) IS NOT TRUE' ],
		[ vegan => 'tags contains "vegan"', "'vegan' = ANY (tags)" ],
		[ untagged => 'tags is empty', "coalesce(cardinality(tags), 0) = 0" ],
		[ sounds => 'city contains "or"', "strpos(city, 'or') > 0" ],
		[ aa => 'city starts with "Aa"', "left(city, 2) = 'Aa'" ],
		[ bus => 'favourite ends with "bus" or last_page ends with "s"',
			"coalesce(right(favourite, 3) = 'bus', false) OR coalesce(right(last_page, 1) = 's', false)" ],
		[ liked => 'first_store like "%t%o%" and last_store ilike "h%"',
			"first_store LIKE '%t%o%' AND last_store ILIKE 'h%'" ],
		[ matching => 'home matches "^[A-O].*e"', "home ~ '^[A-O].*e'" ],
		[ placed => 'city is set', 'city IS NOT NULL' ],
		[ unplaced => 'city is not set', 'city IS NULL' ],
		[ listed => 'newsletter', 'newsletter' ],
		[ listed_too => 'newsletter is true', 'newsletter IS TRUE' ],
		[ declined => 'newsletter is false', 'newsletter IS FALSE' ],
		[ not_declined => 'newsletter is not false', 'newsletter IS NOT FALSE' ],
		[ back => 'refunded and not paid > 40', 'refunded AND (paid > 40) IS NOT TRUE' ],
		[ eager => 'at least 2 of (visit_count > 6, longest >= 95, pages contains "menu", refunded)',
			"(CASE WHEN visit_count > 6 THEN 1 ELSE 0 END + CASE WHEN longest >= 95 THEN 1 ELSE 0 END
			+ CASE WHEN 'menu' = ANY (pages) THEN 1 ELSE 0 END + CASE WHEN refunded THEN 1 ELSE 0 END) >= 2" ],
		[ nested => 'in audience big and not in audience funen',
			"paid > 60 AND (city IN ('Odense', 'Svendborg')) IS NOT TRUE" ],
		[ twice => 'in audience nested or in audience untagged and visit_count = 0',
			"(paid > 60 AND (city IN ('Odense', 'Svendborg')) IS NOT TRUE)
			OR (coalesce(cardinality(tags), 0) = 0 AND visit_count = 0)" ],
		[ uneven => 'spread > average_order / 2 and worth > 2 * spent',
			'spread > average_order / 2 AND worth > 2 * spent' ],
		[ wealthy => 'per_visit >= 20', 'per_visit >= 20' ],
		[ buyers => 'surplus > 0 and favourite_page is not set',
			'surplus > 0 AND favourite_page IS NULL' ],
		[ gold => 'details.level = "gold"', "details ->> 'level' = 'gold'" ],
		[ pointed => 'details.points >= 50', "(details ->> 'points')::numeric >= 50" ],
		[ lapsed => 'last_order_at more than 60 days ago',
			"last_order_at < ($now AT TIME ZONE $zone - interval '60 days') AT TIME ZONE $zone" ],
		[ recent => 'last_order_at in last 2 months',
			"last_order_at > ($now AT TIME ZONE $zone - interval '2 months') AT TIME ZONE $zone
			AND last_order_at <= $now" ],
		[ fresh => 'last_order_at less than 100 hours ago',
			"last_order_at > $now - interval '100 hours' AND last_order_at <= $now" ],
		[ planned => 'last_order_at in next 1 week',
			"last_order_at > $now AND last_order_at <= ($now AT TIME ZONE $zone + interval '7 days') AT TIME ZONE $zone" ],
		[ this_month => 'last_order_at in this month',
			"date_trunc('month', last_order_at AT TIME ZONE $zone) = '2011-12-01'" ],
		[ last_quarter => 'first_order_at in last quarter',
			"date_trunc('quarter', first_order_at AT TIME ZONE $zone) = '2011-07-01'" ],
		[ last_week => 'first_visit in last week',
			"date_trunc('week', first_visit) = '2011-11-28'" ],
		[ early => 'first_order_at before "2011-03-13"',
			"first_order_at AT TIME ZONE $zone < '2011-03-13'" ],
		[ late => 'last_order_at after "2011-11-06"',
			"last_order_at AT TIME ZONE $zone >= '2011-11-07'" ],
		[ dst => 'last_order_at on "2011-11-06" or first_order_at on "2011-03-13"',
			"coalesce((last_order_at AT TIME ZONE $zone)::date = '2011-11-06', false)
			OR coalesce((first_order_at AT TIME ZONE $zone)::date = '2011-03-13', false)" ],
		[ old => 'born_on before "1960-01-01"', "born_on < '1960-01-01'" ],
		[ birthday => 'anniversary of born_on today',
			"to_char(born_on, 'MMDD') = '1211' AND born_on < $today" ],
		[ birthday_soon => 'anniversary of born_on in next 30 days',
			anniversary_within("$today + 1", "$today + 30") ],
		[ birthday_past => 'anniversary of born_on in last 2 weeks',
			anniversary_within("$today - 13", $today) ],
		[ birthday_month => 'anniversary of born_on in this month',
			anniversary_within("'2011-12-01'", "'2011-12-31'") ],
		[ leapling => 'anniversary of born_on in last 1 year and month(born_on) = 2 and day(born_on) = 29',
			"to_char(born_on, 'MMDD') = '0229' AND born_on < '2011-02-28'" ],
		[ gilded => 'tier = "gold"', 'paid >= 60.5' ],
		[ silvery => 'tier in ("silver", "bronze")', 'paid >= 0 AND paid < 60.5' ],
		[ ungilded => 'tier != "gold"', '(paid >= 60.5) IS NOT TRUE' ],
		[ sorted => 'sort starts with "o" or sort = "R"', "left(sort, 1) = 'o' OR sort = 'R'" ],
		[ chosen => 'case when newsletter then spent when in audience big then 3 * spent end > 100',
			'newsletter AND spent > 100 OR newsletter IS NOT TRUE AND paid > 60 AND 3 * spent > 100' ],
		[ everybody => 'true', 'true' ],
		[ nobody => 'false', 'false' ],
	],
	naive => q{
		WITH keys AS (
			SELECT customer_id FROM customers
			UNION
			SELECT customer_id FROM orders WHERE customer_id IS NOT NULL
			UNION
			SELECT customer_id FROM visits WHERE customer_id IS NOT NULL
		), o AS (
			SELECT customer_id,
				count(*) AS order_count,
				count(CASE WHEN status = 'paid' THEN 1 END) AS paid_count,
				count(amount) AS priced,
				count(DISTINCT store) AS store_count,
				count(DISTINCT CASE WHEN status = 'refunded' THEN NULL ELSE amount END) AS amounts,
				sum(amount) AS spent,
				sum(CASE WHEN status = 'paid' THEN amount END) AS paid,
				sum(items) AS items,
				sum(CASE WHEN status = 'paid' THEN amount WHEN items > 4 THEN items END) AS weighed,
				sum(CASE WHEN store = 'Harbour' AND status = 'paid' THEN amount END) AS harbour_paid,
				count(CASE WHEN store = 'Campus' AND items = 9 THEN 1 END) AS nines,
				sum(CASE WHEN amount > 2 AND items < 9 THEN amount * items END) AS worth,
				sum(weight) AS weight,
				avg(amount) AS average_order,
				avg(weight) AS average_weight,
				avg(CASE WHEN store = 'Harbour' THEN NULL ELSE items END) AS average_items,
				min(amount) AS smallest,
				max(CASE WHEN status IN ('paid', 'open') THEN amount END) AS biggest,
				min(ordered_at) AS first_order_at,
				max(ordered_at) AS last_order_at,
				min(store) AS alphabetic,
				array_agg(DISTINCT store ORDER BY store) FILTER (WHERE store IS NOT NULL) AS stores,
				array_agg(DISTINCT items ORDER BY items) FILTER (WHERE items IS NOT NULL AND status = 'paid') AS item_list,
				stddev(amount) AS spread,
				stddev(weight) AS weight_spread,
				bool_or(status = 'refunded') AS refunded
			FROM orders GROUP BY customer_id
		), first_stores AS (
			SELECT DISTINCT ON (customer_id) customer_id, store AS first_store
			FROM orders WHERE store IS NOT NULL AND ordered_at IS NOT NULL
			ORDER BY customer_id, ordered_at, store
		), last_stores AS (
			SELECT DISTINCT ON (customer_id) customer_id, store AS last_store
			FROM orders WHERE store IS NOT NULL AND ordered_at IS NOT NULL
			ORDER BY customer_id, ordered_at DESC, store
		), last_bigs AS (
			SELECT DISTINCT ON (customer_id) customer_id, items AS last_big
			FROM orders WHERE items IS NOT NULL AND ordered_at IS NOT NULL AND amount >= 10
			ORDER BY customer_id, ordered_at DESC, items
		), favourites AS (
			SELECT DISTINCT ON (customer_id) customer_id, store AS favourite
			FROM (SELECT customer_id, store, count(*) AS times, max(ordered_at) AS latest
				FROM orders WHERE store IS NOT NULL GROUP BY customer_id, store) AS s
			ORDER BY customer_id, times DESC, latest DESC NULLS LAST, store
		), usuals AS (
			SELECT DISTINCT ON (customer_id) customer_id, items AS usual
			FROM (SELECT customer_id, items, count(*) AS times, max(ordered_at) AS latest
				FROM orders WHERE items IS NOT NULL AND status = 'paid' GROUP BY customer_id, items) AS s
			ORDER BY customer_id, times DESC, latest DESC NULLS LAST, items
		), v AS (
			SELECT customer_id,
				count(*) AS visit_count,
				max(seconds) AS longest,
				min(visited_at) AS first_visit,
				array_agg(DISTINCT page ORDER BY page) FILTER (WHERE page IS NOT NULL AND seconds > 30) AS pages
			FROM visits GROUP BY customer_id
		), last_pages AS (
			SELECT DISTINCT ON (customer_id) customer_id, page AS last_page
			FROM visits WHERE page IS NOT NULL AND visited_at IS NOT NULL
			ORDER BY customer_id, visited_at DESC, page
		), favourite_pages AS (
			SELECT DISTINCT ON (customer_id) customer_id, page AS favourite_page
			FROM (SELECT customer_id, page, count(*) AS times, max(visited_at) AS latest
				FROM visits WHERE page IS NOT NULL GROUP BY customer_id, page) AS s
			ORDER BY customer_id, times DESC, latest DESC NULLS LAST, page
		)
		SELECT customer_id,
			coalesce(order_count, 0) AS order_count,
			coalesce(paid_count, 0) AS paid_count,
			coalesce(priced, 0) AS priced,
			coalesce(store_count, 0) AS store_count,
			coalesce(amounts, 0) AS amounts,
			coalesce(spent, 0) AS spent,
			coalesce(paid, 0) AS paid,
			coalesce(items, 0) AS items,
			coalesce(worth, 0) AS worth,
			coalesce(weight, 0) AS weight,
			average_order, average_weight, average_items, smallest, biggest,
			first_order_at, last_order_at, alphabetic, first_store, last_store, last_big,
			coalesce(stores, '{}') AS stores,
			coalesce(item_list, '{}') AS item_list,
			favourite, usual, spread, weight_spread,
			coalesce(refunded, false) AS refunded,
			coalesce(visit_count, 0) AS visit_count,
			longest, first_visit, last_page,
			coalesce(pages, '{}') AS pages,
			favourite_page, city, born_on, tags, newsletter, details,
			CASE WHEN city IS NULL THEN '?' ELSE city END AS home,
			CASE WHEN visit_count > 0 THEN coalesce(spent, 0) / visit_count END AS per_visit,
			coalesce(order_count, 0) - 2 * coalesce(visit_count, 0) AS surplus,
			coalesce(weighed, 0) AS weighed,
			coalesce(harbour_paid, 0) AS harbour_paid,
			coalesce(nines, 0) AS nines,
			(SELECT name FROM (VALUES (0, 'bronze'), (20, 'silver'), (60.5, 'gold')) AS b (bound, name)
				WHERE coalesce(paid, 0) >= bound ORDER BY bound DESC LIMIT 1) AS tier,
			CASE WHEN refunded THEN 'R' WHEN coalesce(visit_count, 0) > coalesce(order_count, 0) THEN favourite_page ELSE city END AS sort
		FROM keys LEFT JOIN customers USING (customer_id)
			LEFT JOIN o USING (customer_id) LEFT JOIN first_stores USING (customer_id)
			LEFT JOIN last_stores USING (customer_id) LEFT JOIN last_bigs USING (customer_id)
			LEFT JOIN favourites USING (customer_id) LEFT JOIN usuals USING (customer_id)
			LEFT JOIN v USING (customer_id) LEFT JOIN last_pages USING (customer_id)
			LEFT JOIN favourite_pages USING (customer_id)
	},
};

$shop->{tables} = q{
	CREATE TABLE customers (
		customer_id bigint PRIMARY KEY,
		city text,
		born_on date,
		tags text[],
		newsletter boolean,
		details jsonb
	);
	CREATE TABLE orders (
		order_id integer PRIMARY KEY,
		customer_id bigint,
		ordered_at timestamptz,
		store text,
		amount numeric(8,2),
		items integer,
		status text,
		weight double precision
	);
	CREATE TABLE visits (
		visit_id bigint PRIMARY KEY,
		customer_id bigint,
		visited_at timestamp,
		page text,
		seconds smallint
	);
	CREATE INDEX ON orders (customer_id, ordered_at);
};

$shop->{attach} = q{
	SELECT segment.attach_source('customers');
	SELECT segment.attach_source('orders', key => 'customer_id', at => 'ordered_at');
	SELECT segment.attach_source('visits', at => 'visited_at');
};

$shop->{drop} = 'DROP TABLE customers, orders, visits';

my $rows = q{
	INSERT INTO customers
	SELECT c, (ARRAY['Aarhus', 'Odense', 'Aalborg', 'Svendborg', 'Korsør', NULL])[1 + roll(c, 1, 6)],
		CASE WHEN roll(c, 2, 9) > 0 THEN date '1940-02-29' + CASE WHEN roll(c, 3, 12) = 0
			THEN (1461 * roll(c, 4, 18)) ELSE roll(c, 5, 23000) END END,
		CASE roll(c, 6, 5) WHEN 0 THEN NULL::text[] WHEN 1 THEN '{}' WHEN 2 THEN '{vegan,student}'
			WHEN 3 THEN '{decaf}' ELSE '{decaf,vegan}' END,
		CASE roll(c, 7, 3) WHEN 0 THEN true WHEN 1 THEN false END,
		CASE roll(c, 8, 4) WHEN 0 THEN NULL WHEN 1 THEN '{"level": "gold"}'
			ELSE jsonb_build_object('points', roll(c, 9, 100)) END
	FROM generate_series(1, 240) AS c;

	INSERT INTO orders
	SELECT e, CASE WHEN roll(e, 10, 12) > 0 THEN roll(e, 11, 60) * roll(e, 12, 5) + 50 END,
		CASE WHEN roll(e, 13, 25) > 0 THEN timestamptz '2011-01-01 00:00-05'
			+ roll(e, 14, 360) * interval '1 day' + roll(e, 15, 4) * interval '6 hours' END,
		(ARRAY['Harbour', 'Station', 'Campus', 'Omnibus', NULL])[1 + roll(e, 16, 5)],
		CASE WHEN roll(e, 17, 20) > 0 THEN (roll(e, 18, 1800) - 40) / 100.0 END,
		CASE WHEN roll(e, 19, 15) > 0 THEN roll(e, 20, 10) END,
		(ARRAY['paid', 'paid', 'paid', 'open', 'refunded', NULL])[1 + roll(e, 21, 6)],
		CASE WHEN roll(e, 22, 10) > 0 THEN roll(e, 23, 1000) / 7.0 END
	FROM generate_series(1, 2500) AS e;

	INSERT INTO visits
	SELECT e, CASE WHEN roll(e, 30, 10) > 0 THEN roll(e, 31, 300) - 20 END,
		CASE WHEN roll(e, 32, 20) > 0 THEN timestamp '2011-10-01'
			+ roll(e, 33, 80) * interval '1 day' + roll(e, 34, 8) * interval '3 hours' END,
		(ARRAY['menu', 'offers', 'find us', NULL])[1 + roll(e, 35, 4)],
		CASE WHEN roll(e, 36, 9) > 0 THEN roll(e, 37, 100) END
	FROM generate_series(1, 1500) AS e;
};

# what happens to the tables afterwards, in turn
my @changes = (
	[ 'values change', q{
		UPDATE orders SET amount = amount + 1, status = CASE WHEN status = 'open' THEN 'paid' ELSE status END
			WHERE order_id % 5 = 0;
		UPDATE orders SET store = NULL WHERE order_id % 31 = 0;
		UPDATE orders SET weight = NULL WHERE order_id % 29 = 0;
		UPDATE visits SET page = 'menu', seconds = seconds + 1 WHERE visit_id % 6 = 0;
		UPDATE customers SET city = 'Odense', tags = tags || '{new}' WHERE customer_id % 7 = 0;
		UPDATE orders SET order_id = order_id;
	} ],
	[ 'events are somebody else\'s, or at another time', q{
		UPDATE orders SET customer_id = customer_id + 3 WHERE order_id % 9 = 0;
		UPDATE orders SET customer_id = NULL WHERE order_id % 41 = 0;
		UPDATE orders SET customer_id = 17 WHERE customer_id IS NULL AND order_id % 2 = 0;
		UPDATE orders SET ordered_at = ordered_at - interval '100 days' WHERE order_id % 8 = 0;
		UPDATE orders SET ordered_at = NULL WHERE order_id % 37 = 0;
		UPDATE visits SET visited_at = visited_at + interval '1 hour', customer_id = -customer_id
			WHERE visit_id % 10 = 0;
		UPDATE customers SET customer_id = customer_id + 1000 WHERE customer_id % 13 = 0;
	} ],
	[ 'rows go', q{
		DELETE FROM orders WHERE order_id % 4 = 1;
		DELETE FROM visits WHERE visit_id % 3 = 0;
		DELETE FROM customers WHERE customer_id % 11 = 0;
		DELETE FROM orders WHERE customer_id = 50;
	} ],
	[ 'MERGE', q{
		MERGE INTO orders o
		USING (SELECT e, roll(e, 50, 260)::bigint AS c, roll(e, 51, 900) / 100.0 AS amount
			FROM generate_series(1, 3000, 2) AS e) AS n ON o.order_id = n.e
		WHEN MATCHED AND n.e % 7 = 0 THEN DELETE
		WHEN MATCHED AND n.e % 3 = 0 THEN UPDATE SET amount = n.amount, customer_id = n.c
		WHEN MATCHED THEN UPDATE SET store = 'Station'
		WHEN NOT MATCHED AND n.e > 2700 THEN DO NOTHING
		WHEN NOT MATCHED THEN INSERT VALUES (n.e, n.c, '2011-12-24 12:00+00', 'Campus', n.amount, 2, 'paid', 0.25);
	} ],
	[ 'ON CONFLICT', q{
		INSERT INTO orders
		SELECT e, roll(e, 60, 250), timestamptz '2011-12-01 12:00+00' - roll(e, 61, 30) * interval '1 day',
			'Harbour', 7.50, 1, 'open', NULL
		FROM generate_series(2000, 2800) AS e
		ON CONFLICT (order_id) DO UPDATE SET items = excluded.items, status = 'refunded',
			customer_id = CASE WHEN orders.order_id % 2 = 0 THEN excluded.customer_id ELSE orders.customer_id END;
		INSERT INTO customers SELECT c, 'Nyborg', '1984-02-29' FROM generate_series(100, 400, 3) AS c
		ON CONFLICT (customer_id) DO UPDATE SET city = excluded.city;
		INSERT INTO visits SELECT e, 5, '2011-12-11 09:00', 'offers', 60 FROM generate_series(1, 100) AS e
		ON CONFLICT DO NOTHING;
	} ],
	[ 'writes in one statement, to several tables', q{
		WITH gone AS (DELETE FROM orders WHERE order_id % 10 = 2 RETURNING *),
			moved AS (INSERT INTO orders SELECT order_id + 10000, customer_id + 1, ordered_at, store, amount,
				items, status, weight FROM gone RETURNING *),
			seen AS (INSERT INTO visits SELECT order_id + 10000, customer_id, '2011-12-10 10:00', 'find us', 44
				FROM moved WHERE order_id % 20 = 2)
		UPDATE customers SET newsletter = NOT newsletter
			WHERE customer_id IN (SELECT customer_id FROM gone);
	} ],
	[ 'what is rolled back', q{
		BEGIN;
		DELETE FROM orders WHERE order_id % 2 = 0;
		SAVEPOINT here;
		UPDATE customers SET city = 'Atlantis';
		TRUNCATE visits;
		ROLLBACK TO here;
		INSERT INTO visits VALUES (90000, 1, '2011-12-11 10:00', 'menu', 77);
		ROLLBACK;
		BEGIN;
		INSERT INTO visits VALUES (90001, 2, '2011-12-11 10:00', 'menu', 78);
		SAVEPOINT here;
		DELETE FROM customers;
		ROLLBACK TO here;
		DELETE FROM visits WHERE customer_id = 5;
		COMMIT;
	} ],
	[ 'a source is emptied', q{
		TRUNCATE visits;
	} ],
	[ 'and filled again', q{
		INSERT INTO visits SELECT e, e % 50, '2011-12-02'::timestamp + e * interval '1 hour', 'menu', e % 90
			FROM generate_series(1, 200) AS e;
		TRUNCATE orders;
		INSERT INTO orders VALUES (1, 1, '2011-12-02 09:00+00', 'Campus', 1.25, 2, 'paid', 3.5),
			(2, 1, '2011-12-02 09:00+00', 'Station', 1.25, 3, 'paid', 1e20);
		DELETE FROM orders WHERE order_id = 2;
	} ],
);

sql("CREATE EXTENSION segment;
	SET segment.now = '2011-12-11 15:30:00+00';
	CREATE FUNCTION roll(event bigint, die integer, sides integer) RETURNS integer
	LANGUAGE sql IMMUTABLE
	RETURN ('x' || left(md5(event || ' ' || die), 7))::bit(28)::integer % sides;");

for my $order ('tables first', 'segment first')
{
	tell($order, { %$shop, load => $rows, changes => \@changes });
}
compare_buckets();

done();

# SQL for: one of the anniversaries of born_on, the first of them a year after
# it, lies within these days.
sub anniversary_within
{
	my ($from, $to) = @_;

	return "EXISTS (SELECT FROM generate_series(1, 120) AS age
		WHERE (born_on + age * interval '1 year')::date BETWEEN $from AND $to)";
}

# What a bucket is cannot be said in SQL; that it is a partition can.
sub compare_buckets
{
	my ($none, $half, $rest, $every, $again, $other);

	sql(q{CREATE TABLE people (customer_id bigint PRIMARY KEY);
		SELECT segment.create_population('person');
		SELECT segment.attach_source('people');
		INSERT INTO people SELECT generate_series(1, 2000);});
	($none, $half, $rest, $every, $again, $other) = @{
		(
			rows(
				q{SELECT segment.count_where('bucket("letter") < 0'),
					segment.count_where('bucket("letter") < 50'),
					segment.count_where('bucket("letter") >= 50'),
					segment.count_where('bucket("letter") < 100'),
					(SELECT count(*) FROM person p WHERE p @@ 'bucket("letter") < 50'),
					segment.count_where('bucket("letter") < 50 and bucket("other") < 50')}))[0]
	};
	ok_if($none == 0 && $every == 2000 && $half + $rest == 2000 && $again == $half,
		"buckets divide 2000 profiles into $half and $rest");
	ok_if($half > 900 && $half < 1100 && $other > 400 && $other < 600,
		"buckets of two salts are about even, and independent: $half, $other");
	return;
}
