# Does a random history leave what naive SQL says, after every statement?
#
# Five tables feed a population: customers and their cards, one row each, and
# orders, visits and clicks.  Users' triggers write again, before and after
# rows and statements and when the transaction ends; foreign keys cascade; keys,
# values and times may be missing.  Random statements go over them, and after
# each, and within transactions too, all profiles and audiences are compared
# with views that were written by hand, and verify() has nothing to say.
#
#	SEED=4711 STEPS=2000 perl -Itest/oracle test/oracle/random_statements.pl
#
# The first difference is printed with a script that shows it, made as short as
# SHRINK seconds allow.

use strict;
use warnings;

use Oracle;

my $seed = $ENV{SEED} // 20260503;
my $steps = $ENV{STEPS} // 300;
my $patience = $ENV{SHRINK} // 60;

# errors that a statement may well deserve
my $deserved = qr/^ERROR:  (23\d\d\d|21000|27000|P0001): /;

my $tables = q{
CREATE TABLE customers (
	customer_id bigint PRIMARY KEY,
	city text,
	credit numeric
);
CREATE TABLE cards (
	card_no integer PRIMARY KEY,
	customer_id bigint UNIQUE,
	level text
);
CREATE TABLE orders (
	order_id integer PRIMARY KEY,
	customer_id bigint REFERENCES customers ON DELETE CASCADE ON UPDATE CASCADE,
	ordered_at timestamptz,
	store text,
	amount numeric,
	units integer
);
CREATE TABLE visits (
	visit_id integer PRIMARY KEY,
	customer_id bigint,
	visited_at timestamp,
	page text,
	seconds double precision
);
CREATE TABLE clicks (customer_id bigint, clicked_on date, target text);
CREATE INDEX ON orders (customer_id, ordered_at);

-- before the row: somebody else is written first, or the row is refused
CREATE FUNCTION customer_first() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.units = 6 AND NEW.order_id % 3 = 0 THEN
		RETURN NULL;
	END IF;
	IF NEW.customer_id <> 11 THEN
		INSERT INTO customers VALUES (NEW.customer_id) ON CONFLICT DO NOTHING;
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER a_customer_first BEFORE INSERT OR UPDATE OF customer_id ON orders
	FOR EACH ROW EXECUTE FUNCTION customer_first();

-- after the row: another source, and the same one
CREATE FUNCTION order_placed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	CASE NEW.units
		WHEN 7 THEN
			INSERT INTO visits SELECT coalesce(max(visit_id), 0) + 1, NEW.customer_id,
				NEW.ordered_at AT TIME ZONE 'UTC', 'thanks', NEW.units FROM visits;
		WHEN 8 THEN
			UPDATE orders SET amount = amount + 1 WHERE customer_id = NEW.customer_id;
		WHEN 9 THEN
			DELETE FROM orders WHERE customer_id = NEW.customer_id AND order_id < NEW.order_id
				AND order_id % 2 = 0;
		ELSE NULL;
	END CASE;
	RETURN NULL;
END $$;
CREATE TRIGGER z_order_placed AFTER INSERT ON orders
	FOR EACH ROW EXECUTE FUNCTION order_placed();

CREATE FUNCTION credit_lost() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.credit < 0 THEN
		DELETE FROM visits WHERE customer_id = OLD.customer_id;
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER a_credit_lost AFTER UPDATE ON customers
	FOR EACH ROW EXECUTE FUNCTION credit_lost();

-- after the statement, before and after the triggers of others by name
CREATE FUNCTION visits_came() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE visits SET seconds = 0.25 WHERE seconds IS NULL AND page = 'menu';
	RETURN NULL;
END $$;
CREATE TRIGGER a_visits_came AFTER INSERT ON visits
	FOR EACH STATEMENT EXECUTE FUNCTION visits_came();

CREATE FUNCTION visits_went() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO clicks SELECT customer_id, '2026-04-01', page FROM gone WHERE seconds > 10;
	IF (SELECT count(*) FROM gone) > 4 THEN
		INSERT INTO orders SELECT coalesce(max(order_id), 0) + 1, 4, '2026-04-02 10:00+00', 'Online', 3, 2
			FROM orders;
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER z_visits_went AFTER DELETE ON visits REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION visits_went();

-- when the transaction ends
CREATE FUNCTION card_earned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE cards SET level = 'gold' WHERE customer_id = NEW.customer_id;
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER card_earned AFTER INSERT ON visits DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW WHEN (NEW.seconds > 15) EXECUTE FUNCTION card_earned();
};

my @traits = (
	[ city => 'customers.city' ],
	[ credit => 'customers.credit' ],
	[ level => 'cards.level' ],
	[ home => 'coalesce(city, level, "?")' ],
	[ order_count => 'count(orders)' ],
	[ priced => 'count(orders.amount)' ],
	[ spent => 'sum(orders.amount)' ],
	[ units => 'sum(orders.units where store = "Harbour" or amount >= 5)' ],
	[ worth => 'sum(orders.amount * units)' ],
	[ average_order => 'avg(orders.amount)' ],
	[ smallest => 'min(orders.amount)' ],
	[ biggest => 'max(orders.amount where not store = "Online")' ],
	[ last_order_at => 'max(orders.ordered_at)' ],
	[ first_store => 'first(orders.store)' ],
	[ last_store => 'last(orders.store where units > 2)' ],
	[ last_amount => 'last(orders.amount)' ],
	[ stores => 'list(distinct orders.store)' ],
	[ favourite => 'most_frequent(orders.store)' ],
	[ prices => 'count(distinct orders.amount)' ],
	[ spread => 'stddev(orders.units)' ],
	[ bulk => 'exists(orders where units >= 8)' ],
	[ visit_count => 'count(visits)' ],
	[ seconds => 'sum(visits.seconds)' ],
	[ longest => 'max(visits.seconds)' ],
	[ last_page => 'last(visits.page)' ],
	[ usual_page => 'most_frequent(visits.page where seconds > 1)' ],
	[ times => 'list(distinct visits.seconds)' ],
	[ click_count => 'count(clicks where target is set)' ],
	[ usual_target => 'most_frequent(clicks.target)' ],
	[ last_click => 'max(clicks.clicked_on)' ],
	[ per_visit => 'spent / visit_count' ],
);

# quotients, whose last digits depend on the scale of what is divided
my %rounded = map { $_ => 1 } qw(average_order spread per_visit);

my @audiences = (
	[ big => 'spent > 20', 'spent > 20' ],
	[ not_big => 'not spent > 20', '(spent > 20) IS NOT TRUE' ],
	[ harbour => 'favourite = "Harbour" or stores contains "Station"',
		"coalesce(favourite = 'Harbour', false) OR coalesce('Station' = ANY (stores), false)" ],
	[ lapsed => 'last_order_at more than 30 days ago', "last_order_at < timestamptz '2026-04-03 12:00+00'" ],
	[ recent => 'last_order_at in last 10 days and not bulk',
		"last_order_at > timestamptz '2026-04-23 12:00+00' AND last_order_at <= timestamptz '2026-05-03 12:00+00' AND NOT bulk" ],
	[ curious => 'at least 2 of (visit_count > 2, click_count > 1, last_page = "menu")',
		"(visit_count > 2)::int + (click_count > 1)::int + coalesce((last_page = 'menu')::int, 0) >= 2" ],
	[ poor => 'credit < 5 or level is not set', 'coalesce(credit < 5, false) OR level IS NULL' ],
	[ rest => 'not in audience big and not in audience poor and home != "?"',
		"(spent > 20) IS NOT TRUE AND NOT (coalesce(credit < 5, false) OR level IS NULL) AND (home = '?') IS NOT TRUE" ],
	[ thrifty => 'per_visit <= 4', 'per_visit <= 4' ],
);

# the naive half: nothing but the tables
my $naive = q{
CREATE VIEW naive AS
SELECT k.customer_id,
	(SELECT city FROM customers c WHERE c.customer_id = k.customer_id) AS city,
	(SELECT credit FROM customers c WHERE c.customer_id = k.customer_id) AS credit,
	(SELECT level FROM cards c WHERE c.customer_id = k.customer_id) AS level,
	CASE WHEN EXISTS (SELECT FROM customers c WHERE c.customer_id = k.customer_id AND city IS NOT NULL)
		THEN (SELECT city FROM customers c WHERE c.customer_id = k.customer_id)
		WHEN EXISTS (SELECT FROM cards c WHERE c.customer_id = k.customer_id AND level IS NOT NULL)
		THEN (SELECT level FROM cards c WHERE c.customer_id = k.customer_id)
		ELSE '?' END AS home,
	o.order_count, o.priced, coalesce(o.spent, 0) AS spent, coalesce(o.units, 0) AS units,
	coalesce(o.worth, 0) AS worth, o.average_order, o.smallest, o.biggest, o.last_order_at,
	(SELECT store FROM orders i WHERE i.customer_id = k.customer_id AND store IS NOT NULL
		AND ordered_at IS NOT NULL ORDER BY ordered_at, store LIMIT 1) AS first_store,
	(SELECT store FROM orders i WHERE i.customer_id = k.customer_id AND store IS NOT NULL
		AND ordered_at IS NOT NULL AND units > 2 ORDER BY ordered_at DESC, store LIMIT 1) AS last_store,
	(SELECT amount FROM orders i WHERE i.customer_id = k.customer_id AND amount IS NOT NULL
		AND ordered_at IS NOT NULL ORDER BY ordered_at DESC, amount LIMIT 1) AS last_amount,
	ARRAY(SELECT DISTINCT store FROM orders i WHERE i.customer_id = k.customer_id AND store IS NOT NULL
		ORDER BY store) AS stores,
	(SELECT store FROM orders i WHERE i.customer_id = k.customer_id AND store IS NOT NULL
		GROUP BY store ORDER BY count(*) DESC, max(ordered_at) DESC NULLS LAST, store LIMIT 1) AS favourite,
	o.prices, o.spread, o.bulk,
	v.visit_count, coalesce(v.seconds, 0) AS seconds, v.longest,
	(SELECT page FROM visits i WHERE i.customer_id = k.customer_id AND page IS NOT NULL
		AND visited_at IS NOT NULL ORDER BY visited_at DESC, page LIMIT 1) AS last_page,
	(SELECT page FROM visits i WHERE i.customer_id = k.customer_id AND page IS NOT NULL AND seconds > 1
		GROUP BY page ORDER BY count(*) DESC, max(visited_at) DESC NULLS LAST, page LIMIT 1) AS usual_page,
	ARRAY(SELECT DISTINCT seconds FROM visits i WHERE i.customer_id = k.customer_id AND seconds IS NOT NULL
		ORDER BY seconds) AS times,
	(SELECT count(*) FROM clicks i WHERE i.customer_id = k.customer_id AND target IS NOT NULL) AS click_count,
	(SELECT target FROM clicks i WHERE i.customer_id = k.customer_id AND target IS NOT NULL
		GROUP BY target ORDER BY count(*) DESC, max(clicked_on) DESC NULLS LAST, target LIMIT 1) AS usual_target,
	(SELECT max(clicked_on) FROM clicks i WHERE i.customer_id = k.customer_id) AS last_click,
	coalesce(o.spent, 0) / CASE WHEN v.visit_count > 0 THEN v.visit_count END AS per_visit
FROM (SELECT customer_id FROM customers UNION SELECT customer_id FROM cards
		UNION SELECT customer_id FROM orders UNION SELECT customer_id FROM visits
		UNION SELECT customer_id FROM clicks) AS k
	CROSS JOIN LATERAL (
		SELECT count(*) AS order_count, count(amount) AS priced, sum(amount) AS spent,
			sum(CASE WHEN store = 'Harbour' OR amount >= 5 THEN units END) AS units,
			sum(amount * units) AS worth, avg(amount) AS average_order, min(amount) AS smallest,
			max(CASE WHEN store = 'Online' THEN NULL ELSE amount END) AS biggest,
			max(ordered_at) AS last_order_at, count(DISTINCT amount) AS prices,
			stddev(units) AS spread, coalesce(bool_or(units >= 8), false) AS bulk
		FROM orders i WHERE i.customer_id = k.customer_id) AS o
	CROSS JOIN LATERAL (
		SELECT count(*) AS visit_count, sum(seconds) AS seconds, max(seconds) AS longest
		FROM visits i WHERE i.customer_id = k.customer_id) AS v
WHERE k.customer_id IS NOT NULL;
};

my $setup = setup_script();
my $difference = difference_query();
my @history;
my $next_id = 1;
my %most = (profiles => 0, orders => 0);
my %kinds = (
	insert => 16,
	insert_select => 6,
	update => 14,
	move => 8,
	swap => 4,
	delete => 8,
	truncate => 1,
	refill => 3,
	merge => 8,
	upsert => 8,
	several => 8,
	savepoint => 5,
	caught => 4,
	transaction => 8,
	alter => 3,
	copy => 5);

go_over_history();

sub go_over_history
{
	srand $seed;
	print "# seed $seed, $steps statements\n";
	sql($setup);
	for my $step (1 .. $steps)
	{
		my $kind = pick_weighted(map { $_ => $kinds{$_} } sort keys %kinds);
		my $text = __PACKAGE__->can("random_$kind")->();
		my $wrong;

		push @history, $text;
		$wrong = run_step($text, 1);
		if (!defined $wrong)
		{
			note_size() if $step % 10 == 0;
			next;
		}

		ok_if(0, "statement $step of seed $seed ($kind): $wrong");
		report($wrong);
		done();
	}
	ok_if(1, "$steps statements of seed $seed, compared after each");
	note_size();
	ok_if($most{profiles} > 8 && $most{orders} > 20,
		"of up to $most{profiles} profiles with $most{orders} orders");
	done();
}

# A history may end with everything gone, but not have been so all along.
sub note_size
{
	my ($profiles, $orders) =
	  @{ (rows('SELECT (SELECT count(*) FROM profile), (SELECT count(*) FROM orders)'))[0] };

	$most{profiles} = $profiles if $profiles > $most{profiles};
	$most{orders} = $orders if $orders > $most{orders};
	return;
}

# Run one step, which is statements divided by "-- compare": what went wrong, or
# undef.  An error that is deserved ends the step.
sub run_step
{
	my ($text, $compare) = @_;

	for my $part (split /^-- compare\n/m, $text)
	{
		my $error = eval { attempt($part) // '' } // $@;
		my $found;

		if ($error =~ $deserved)
		{
			attempt('ROLLBACK;');
			last;
		}
		return (split /\n/, $error)[0] if $error ne '';
		next unless $compare;
		$found = difference();
		return $found if defined $found;
	}
	return $compare ? difference() : undef;
}

sub difference
{
	my @differences = eval { rows($difference) };

	return (split /\n/, $@)[0] if $@;
	return unless @differences;
	return join '; ', map { "$_->[0] differs: $_->[1]" } @differences;
}

# One query that gives a row for each thing that is not as it should be.
sub difference_query
{
	my $columns = join ', ', 'customer_id', map {
		$rounded{ $_->[0] } ? "round($_->[0]::numeric, 9) AS $_->[0]" : $_->[0]
	} @traits;
	my @parts = both_ways('profile', "SELECT $columns FROM profile", 'TABLE naive');

	for my $audience (@audiences)
	{
		my ($name, $filter, $condition) = @$audience;

		push @parts,
		  both_ways($name, "SELECT customer_id FROM $name",
			"SELECT customer_id FROM naive WHERE $condition");
	}
	push @parts, "SELECT 'verify', v::text FROM segment.verify() AS v";
	return "WITH naive AS MATERIALIZED (SELECT $columns FROM naive)\n"
	  . join "\nUNION ALL\n", @parts;
}

# What there is against what there should be: rows of one and not of the other.
sub both_ways
{
	my ($what, $got, $expected) = @_;

	return "(WITH got AS MATERIALIZED ($got), expected AS MATERIALIZED ($expected)
	SELECT '$what', 'got ' || d::text FROM (TABLE got EXCEPT ALL TABLE expected) AS d
	UNION ALL
	SELECT '$what', 'expected ' || d::text FROM (TABLE expected EXCEPT ALL TABLE got) AS d)";
}

sub setup_script
{
	my $script = "SET segment.now = '2026-05-03 12:00:00+00';\nSET TimeZone = 'UTC';\n$tables$naive";

	$script .= "SELECT segment.create_population('profile', timezone => 'UTC');\n";
	$script .= "SELECT segment.attach_source('customers');\n";
	$script .= "SELECT segment.attach_source('cards');\n";
	$script .= "SELECT segment.attach_source('orders', at => 'ordered_at');\n";
	$script .= "SELECT segment.attach_source('visits', at => 'visited_at');\n";
	$script .= "SELECT segment.attach_source('clicks', at => 'clicked_on');\n";
	$script .= "SELECT segment.create_trait('$_->[0]', '" . doubled($_->[1]) . "');\n"
	  for @traits;
	$script .= "SELECT segment.create_audience('$_->[0]', '" . doubled($_->[1]) . "');\n"
	  for @audiences;
	return "CREATE EXTENSION segment;\n$script";
}

sub doubled
{
	return $_[0] =~ s/'/''/gr;
}

# Print a script that shows the difference, as short as can be found in time.
sub report
{
	my ($wrong) = @_;
	my $until = time + $patience;
	my @script = shrink($until, @history);

	print "-- seed $seed: $wrong\n";
	print "-- " . @script . ' of ' . @history . " steps remain\n";
	print $setup;
	print "-- step\n$_" for @script;
	print "-- what differs now\n$difference;\n";
	return;
}

sub shrink
{
	my ($until, @script) = @_;
	my $last = pop @script;

	# not even all of it: whatever it was, it does not come back
	return (@script, $last) unless still_fails(@script, $last);
	return (shortest($until, sub { still_fails(@_, $last) }, @script), $last);
}

sub still_fails
{
	my @script = @_;
	my $last = pop @script;

	disconnect();
	sql('DROP EXTENSION segment CASCADE; DROP SCHEMA IF EXISTS segment_data CASCADE;
		DROP SCHEMA public CASCADE; CREATE SCHEMA public;');
	sql($setup);
	defined run_step($_, 0) && return 1 for @script;
	return defined run_step($last, 1);
}

# Random statements ---------------------------------------------------------

sub random_insert
{
	my $table = pick(qw(customers cards orders orders orders visits visits clicks));
	my @rows = map { random_row($table) } 1 .. 1 + int(rand(rand() < 0.3 ? 20 : 3));

	return "INSERT INTO $table VALUES\n\t"
	  . join(",\n\t", map { '(' . join(', ', @$_) . ')' } @rows)
	  . ($table =~ /^c[ua]/ && rand() < 0.8 ? ' ON CONFLICT DO NOTHING' : '')
	  . ";\n";
}

sub random_insert_select
{
	my $id = take_id(200);

	return pick(
		"INSERT INTO visits SELECT $id + e, e % 17, " . random_time() . "::timestamp, "
		  . random_text() . ', e / 4.0 FROM generate_series(1, ' . (1 + int rand 60) . ") AS e;\n",
		"INSERT INTO orders SELECT $id + order_id % 200, customer_id, ordered_at - interval '"
		  . int(rand 40) . " days', store, amount + 1, units FROM orders WHERE "
		  . random_where('orders') . " ON CONFLICT DO NOTHING;\n",
		"INSERT INTO clicks SELECT customer_id, visited_at::date, page FROM visits WHERE "
		  . random_where('visits') . ";\n",
		"INSERT INTO customers SELECT k, " . random_text() . ", k FROM generate_series("
		  . (1 + int rand 10) . ", 14) AS k WHERE NOT EXISTS (SELECT FROM customers WHERE customer_id = k);\n",
		"INSERT INTO cards SELECT $id + k, k, " . random_text()
		  . " FROM generate_series(1, 16) AS k WHERE NOT EXISTS (SELECT FROM cards WHERE customer_id = k);\n"
	);
}

sub random_update
{
	my $table = pick(qw(customers cards orders orders orders visits visits clicks));

	return "UPDATE $table SET " . random_set($table) . ' WHERE ' . random_where($table) . ";\n";
}

sub random_move
{
	my $table = pick(qw(orders orders visits visits clicks cards customers));
	my $key = $table eq 'cards' || $table eq 'customers'
	  ? 20 + int(rand 5) . ' - customer_id'
	  : pick(random_key(), 'customer_id + 1', 'nullif(customer_id, ' . random_key() . ')',
		'coalesce(customer_id, ' . random_key() . ')');

	return "UPDATE $table SET customer_id = $key WHERE " . random_where($table) . ";\n";
}

sub random_swap
{
	my $table = pick(qw(orders visits clicks));
	my ($one, $two) = (1 + int(rand 7), 8 + int(rand 7));

	return "UPDATE $table SET customer_id = CASE customer_id WHEN $one THEN $two ELSE $one END"
	  . " WHERE customer_id IN ($one, $two);\n";
}

sub random_delete
{
	my $table = pick(qw(customers cards orders orders visits visits clicks));

	return "DELETE FROM $table WHERE " . random_where($table) . ";\n";
}

sub random_truncate
{
	return 'TRUNCATE ' . pick('orders', 'visits', 'clicks', 'cards', 'visits, clicks', 'customers CASCADE') . ";\n";
}

# A table is emptied between other writes of its transaction, or is not after
# all.  It is none for which the server still has to check foreign keys.
sub random_refill
{
	return "BEGIN;\n" . random_insert() . random_delete() . "SAVEPOINT was_full;\n"
	  . 'TRUNCATE ' . pick('orders', 'clicks', 'orders, clicks') . ";\n" . random_insert() . pick('ROLLBACK TO was_full', 'RELEASE was_full', 'SAVEPOINT refilled') . ";\n"
	  . random_insert() . random_delete() . pick('COMMIT', 'COMMIT', 'COMMIT', 'ROLLBACK') . ";\n";
}

sub random_merge
{
	my $modulus = 2 + int rand 4;
	my $id = $next_id > 80 ? $next_id - 80 + int rand 60 : 1;
	my $count = 1 + int rand 40;

	$next_id = $id + $count + 1 if $next_id <= $id + $count;
	return pick(
		"MERGE INTO orders USING (SELECT e, e % 15 AS k FROM generate_series($id, $id + $count) AS e) AS s
	ON orders.order_id = s.e
WHEN MATCHED AND s.e % $modulus = 0 THEN DELETE
WHEN MATCHED AND s.e % $modulus = 1 THEN UPDATE SET customer_id = nullif(s.k, 3), amount = s.k
WHEN MATCHED THEN UPDATE SET " . random_set('orders') . "
WHEN NOT MATCHED AND s.k <> 11 THEN INSERT VALUES (s.e, s.k, " . random_time() . ", 'Station', s.k / 2.0, s.k % 7);\n",
		"MERGE INTO visits USING (SELECT e, e % 16 AS k FROM generate_series($id, $id + $count) AS e) AS s
	ON visits.visit_id = s.e
WHEN MATCHED AND s.e % $modulus = 0 THEN DELETE
WHEN MATCHED THEN UPDATE SET " . random_set('visits') . "
WHEN NOT MATCHED AND s.e % 2 = 0 THEN INSERT VALUES (s.e, s.k, " . random_time() . "::timestamp, 'menu', NULL);\n",
		"MERGE INTO clicks USING (SELECT k FROM generate_series(1, 16) AS k WHERE k % $modulus = 0) AS s
	ON clicks.customer_id = s.k AND clicks.target = 'menu'
WHEN MATCHED THEN UPDATE SET " . random_set('clicks') . "
WHEN NOT MATCHED THEN INSERT VALUES (s.k, '2026-04-30', 'menu');\n",
		"MERGE INTO customers USING (SELECT k FROM generate_series(1, 14) AS k) AS s
	ON customers.customer_id = s.k
WHEN MATCHED AND s.k % ($modulus + 3) = 0 THEN DELETE
WHEN MATCHED AND s.k % 2 = 0 THEN UPDATE SET " . random_set('customers') . "
WHEN NOT MATCHED THEN INSERT VALUES (s.k, 'Nyborg', 4);\n");
}

sub random_upsert
{
	my $table = pick(qw(customers cards orders orders visits visits));
	my %identity = (
		customers => 'customer_id',
		cards => 'card_no',
		orders => 'order_id',
		visits => 'visit_id');
	my @rows = map { random_row($table) } 1 .. 1 + int rand 8;
	my $action = rand() < 0.2 ? 'NOTHING' : 'UPDATE SET ' . random_set($table);

	# some of them are there already
	$action .= " WHERE $table.$identity{$table} % 3 <> 1"
	  if $action ne 'NOTHING' && rand() < 0.3;
	for my $row (@rows)
	{
		$row->[0] = 1 + int rand $next_id if $table ne 'customers' && rand() < 0.7;
	}
	return "INSERT INTO $table VALUES\n\t"
	  . join(",\n\t", map { '(' . join(', ', @$_) . ')' } distinct(@rows))
	  . "\nON CONFLICT ($identity{$table}) DO $action;\n";
}

# Two writes and more in one statement.
sub random_several
{
	my $id = take_id(400);
	my $shift = 1 + int rand 3;

	return pick(
		'WITH gone AS (DELETE FROM visits WHERE ' . random_where('visits') . " RETURNING *),
	placed AS (INSERT INTO orders SELECT $id + visit_id % 200, customer_id, visited_at AT TIME ZONE 'UTC', page, seconds::numeric, 4
		FROM gone WHERE customer_id <> 11 ON CONFLICT DO NOTHING RETURNING *)
INSERT INTO visits SELECT $id + visit_id % 200, customer_id + $shift, visited_at, page, seconds + 1 FROM gone ON CONFLICT DO NOTHING;\n",
		'WITH moved AS (UPDATE orders SET ' . random_set('orders') . ' WHERE ' . random_where('orders') . " RETURNING *),
	seen AS (INSERT INTO clicks SELECT customer_id, ordered_at::date, store FROM moved WHERE isfinite(ordered_at)),
	gone AS (DELETE FROM visits WHERE " . random_where('visits') . ")
UPDATE customers SET credit = coalesce(credit, 0) + $shift WHERE customer_id IN (SELECT customer_id FROM moved);\n",
		'WITH came AS (INSERT INTO clicks VALUES (' . join(', ', @{ random_row('clicks') }) . "), (5, '2026-05-01', 'menu') RETURNING *),
	more AS (INSERT INTO clicks SELECT customer_id + 1, clicked_on, target FROM came RETURNING *),
	gone AS (DELETE FROM clicks WHERE " . random_where('clicks') . ")
INSERT INTO visits SELECT $id + row_number() OVER (), customer_id, clicked_on, target, 2 FROM more;\n",
		'WITH gone AS (DELETE FROM cards WHERE ' . random_where('cards') . " RETURNING *)
INSERT INTO cards SELECT $id + card_no % 300, customer_id + 30, level FROM gone;\n");
}

sub random_savepoint
{
	return begin() . random_write() . compare_or_not() . "SAVEPOINT here;\n" . random_write()
	  . compare_or_not() . random_write() . "ROLLBACK TO here;\n" . compare_or_not()
	  . random_write() . pick("RELEASE here;\n", '') . pick("COMMIT;\n", "COMMIT;\n", "ROLLBACK;\n");
}

sub random_transaction
{
	return begin() . join('', map { random_write() . compare_or_not() } 1 .. 2 + int rand 3)
	  . pick("COMMIT;\n", "ROLLBACK;\n");
}

# An error in the middle, caught: what came before it within the block is gone.
sub random_caught
{
	my ($kept, $lost, $after) = map { random_write() } 1 .. 3;

	return "DO \$do\$\nBEGIN\n$kept\tBEGIN\n$lost"
	  . pick("RAISE EXCEPTION 'no';\n", "INSERT INTO orders VALUES (0, 999983);\n", "PERFORM 1 / 0;\n")
	  . "\tEXCEPTION WHEN OTHERS THEN\n\t\tNULL;\n\tEND;\n$after"
	  . pick("END \$do\$;\n", "END \$do\$;\n", "RAISE EXCEPTION 'no';\nEND \$do\$;\n");
}

sub random_copy
{
	my $table = pick(qw(orders visits visits clicks));
	my @rows = map { random_row($table) } 1 .. 1 + int rand 30;
	my @lines = map {
		join "\t", map { $_ eq 'NULL' ? '\N' : s/^'(.*)'$/$1/r } @$_
	} @rows;

	return "COPY $table FROM STDIN;\n" . join("\n", @lines) . "\n\\.\n";
}

# Columns and a table get other names, which definitions follow as the naive views
# do, and get them back; two swap theirs.  A source is put onto another table, or
# onto its own after rows were written past it.
sub random_alter
{
	my $third = int rand 3;
	my $write = pick(
		"UPDATE orders SET %s = %s + 1 WHERE order_id %% 3 = $third;\n",
		"DELETE FROM orders WHERE order_id %% 9 = $third AND %s > %s - 1;\n");
	my $move = "SELECT segment.move_source('%s', '%s');\n";

	return "BEGIN;\n" . pick(
		"ALTER TABLE orders RENAME amount TO total;\n-- compare\n"
		  . sprintf($write, 'total', 'total') . "-- compare\nALTER TABLE orders RENAME total TO amount;\n",
		"ALTER TABLE orders RENAME customer_id TO buyer;\nALTER TABLE orders RENAME ordered_at TO at;\n-- compare\n"
		  . "DELETE FROM orders WHERE buyer % 5 = $third;\n-- compare\n"
		  . "ALTER TABLE orders RENAME at TO ordered_at;\nALTER TABLE orders RENAME buyer TO customer_id;\n",
		swap_names() . "-- compare\n" . sprintf($write, 'units', 'units') . "-- compare\n" . swap_names(),
		"ALTER TABLE clicks RENAME TO taps;\nDELETE FROM taps WHERE customer_id % 4 = $third;\n-- compare\n"
		  . "ALTER TABLE taps RENAME TO clicks;\n",
		"ALTER TABLE clicks DISABLE TRIGGER USER;\n" . random_insert_clicks()
		  . "DELETE FROM clicks WHERE customer_id % 5 = $third;\n" . sprintf($move, 'clicks', 'clicks'),
		"ALTER TABLE clicks RENAME TO old_clicks;\n"
		  . "CREATE TABLE clicks (target text, customer_id bigint, clicked_on date);\n"
		  . "INSERT INTO clicks (customer_id, clicked_on, target) SELECT * FROM old_clicks WHERE customer_id % 4 <> $third;\n"
		  . sprintf($move, 'clicks', 'clicks')
		  . "DELETE FROM old_clicks;\nINSERT INTO old_clicks SELECT customer_id, clicked_on, target FROM clicks;\n-- compare\n"
		  . "ALTER TABLE clicks RENAME TO new_clicks;\nALTER TABLE old_clicks RENAME TO clicks;\n"
		  . sprintf($move, 'clicks', 'clicks') . "DROP TABLE new_clicks;\n")
	  . pick("COMMIT;\n", "COMMIT;\n", "ROLLBACK;\n");
}

sub swap_names
{
	return "ALTER TABLE orders RENAME amount TO other;\nALTER TABLE orders RENAME units TO amount;\n"
	  . "ALTER TABLE orders RENAME other TO units;\n";
}

sub random_insert_clicks
{
	return 'INSERT INTO clicks VALUES (' . join(', ', @{ random_row('clicks') }) . ");\n";
}

# A plain statement, to stand within something larger.
sub random_write
{
	my $kind = pick(qw(insert insert insert_select update update move swap delete merge upsert several));

	return __PACKAGE__->can("random_$kind")->();
}

sub begin
{
	return pick(
		"BEGIN;\n", "BEGIN;\n",
		"BEGIN ISOLATION LEVEL REPEATABLE READ;\n",
		"BEGIN ISOLATION LEVEL SERIALIZABLE;\n");
}

sub compare_or_not
{
	return rand() < 0.5 ? "-- compare\n" : '';
}

# Values as SQL; the first is the row's own identity where there is one.
sub random_row
{
	my ($table) = @_;

	return [ 1 + int(rand 14), random_text(), random_number() ] if $table eq 'customers';
	return [ take_id(1), random_key(), random_text() ] if $table eq 'cards';
	return [ take_id(1), random_key(), random_time(), random_text(), random_number(), random_units() ]
	  if $table eq 'orders';
	return [ take_id(1), random_key(), random_time(), random_text(), random_seconds() ]
	  if $table eq 'visits';
	return [ random_key(), random_day(), random_text() ];
}

sub random_set
{
	my ($table) = @_;
	my %sets = (
		customers => [ 'city = ' . random_text(), 'credit = ' . random_number(), 'credit = - customers.credit' ],
		cards => [ 'level = ' . random_text(), 'level = cards.level' ],
		orders => [
			'amount = ' . random_number(), 'amount = orders.amount + 0.5', 'store = ' . random_text(),
			'units = ' . random_units(), 'ordered_at = ' . random_time(),
			"ordered_at = orders.ordered_at - interval '1 day'",
			'customer_id = ' . random_key(), 'amount = orders.units, units = greatest(0, least(9, orders.amount))',
			'store = orders.store' ],
		visits => [
			'page = ' . random_text(), 'seconds = ' . random_seconds(), 'seconds = visits.seconds + 0.25',
			'visited_at = ' . random_time() . '::timestamp', 'customer_id = ' . random_key(),
			'page = NULL, seconds = visits.seconds' ],
		clicks => [ 'target = ' . random_text(), 'clicked_on = ' . random_day(), 'customer_id = ' . random_key() ]);
	my ($first, $second) = (pick(@{ $sets{$table} }), pick(@{ $sets{$table} }));
	my %written = map { $_ => 1 } $first =~ /(?:^|, )(\w+) = /g;

	return $first if rand() < 0.6;
	return $first if grep { $written{$_} } $second =~ /(?:^|, )(\w+) = /g;
	return "$first, $second";
}

sub random_where
{
	my ($table) = @_;
	my %identity = (
		customers => 'customer_id',
		cards => 'card_no',
		orders => 'order_id',
		visits => 'visit_id',
		clicks => 'customer_id');
	my $modulus = 2 + int rand 9;
	my %more = (
		orders => [ 'amount > 8', 'store = ' . random_text(), 'ordered_at IS NULL', 'units > 4',
			'amount = (SELECT max(amount) FROM orders AS m WHERE m.customer_id = orders.customer_id)',
			'ordered_at = (SELECT max(ordered_at) FROM orders AS m WHERE m.customer_id = orders.customer_id)' ],
		visits => [ 'page = ' . random_text(), 'seconds > 5', 'visited_at IS NULL',
			'visited_at = (SELECT min(visited_at) FROM visits AS m WHERE m.customer_id = visits.customer_id)' ],
		clicks => [ 'target = ' . random_text() ],
		customers => [ 'city = ' . random_text() ],
		cards => [ 'level = ' . random_text() ]);

	return "$table.customer_id = " . (1 + int rand 14) if rand() < 0.4;
	return pick(@{ $more{$table} }) if rand() < 0.4;
	return "$table.$identity{$table} % $modulus = " . int(rand $modulus);
}

sub random_key
{
	return rand() < 0.1 ? 'NULL' : rand() < 0.05 ? -1 - int rand 3 : 1 + int rand 14;
}

sub random_time
{
	return 'NULL' if rand() < 0.08;
	return pick("'infinity'", "'-infinity'") if rand() < 0.02;
	return sprintf "'2026-%02d-%02d 1%d:00'", pick(3, 4, 4, 5), pick(1, 2, 3, 15, 28), pick(0, 0, 5);
}

sub random_day
{
	return rand() < 0.1 ? 'NULL' : sprintf "'2026-04-%02d'", 1 + int rand 5;
}

sub random_text
{
	return rand() < 0.12 ? 'NULL' : pick(map { "'$_'" } qw(Harbour Station Campus Online menu offers gold));
}

sub random_number
{
	return 'NULL' if rand() < 0.1;
	return pick("'NaN'", "'Infinity'", "'-Infinity'") if rand() < 0.015;
	return (int(rand 40) - 4) / 2;
}

sub random_units
{
	return rand() < 0.1 ? 'NULL' : int rand 10;
}

sub random_seconds
{
	return rand() < 0.15 ? 'NULL' : int(rand 80) / 4;
}

# Numbers for new rows that no row has yet.
sub take_id
{
	my ($count) = @_;
	my $id = $next_id;

	$next_id += $count;
	return $id;
}

# Rows whose first field is not that of another.
sub distinct
{
	my %seen;

	return grep { !$seen{ $_->[0] }++ } @_;
}
