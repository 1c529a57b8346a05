# Do the invoices of a shop earn the points that plain SQL counts?
#
# Online Retail: one point for each whole pound of an invoice, 18,536 of which give
# points, and 3,654 cancellations take some.  They come by one COPY, or one by
# one; then all of them go, and no point is left.

use strict;
use warnings;

use Oracle;

data_set('online_retail');

sql(q{CREATE EXTENSION segment;
	SET segment.now = '2012-01-01 00:00:00+00';
	SET work_mem = '64MB';
	CREATE TABLE lines (invoice text, stock_code text, description text, quantity integer, invoiced_at timestamp, price numeric, customer_id integer, country text);
	CREATE TABLE invoices (invoice text PRIMARY KEY, customer_id integer, total numeric, invoiced_at timestamptz);
	CREATE INDEX ON invoices (customer_id, invoiced_at);
	CREATE TABLE customers (customer_id integer PRIMARY KEY);});
sql(q{\copy lines FROM PROGRAM 'xz -dc "$SEGMENT_DATA/online_retail/online_retail_2010_2011.csv.xz"' WITH (FORMAT csv, HEADER)});
sql(q{INSERT INTO customers SELECT DISTINCT customer_id FROM lines WHERE customer_id IS NOT NULL;
	SELECT segment.create_population('shopper', key => 'customer_id', key_type => 'integer', timezone => 'UTC');
	SELECT segment.attach_source('customers');
	SELECT segment.attach_source('invoices', at => 'invoiced_at');
	SELECT segment.create_program('club');
	SELECT count(segment.join_program('club', customer_id)) FROM customers;
	SELECT segment.create_earning('club', 'pounds', 'invoices.total', ref => 'invoice');
	CREATE TABLE totals AS SELECT invoice, customer_id, sum(quantity * price) AS total, min(invoiced_at) AT TIME ZONE 'UTC' AS invoiced_at
	FROM lines WHERE customer_id IS NOT NULL GROUP BY 1, 2;});

sql('INSERT INTO invoices TABLE totals;');
counts('all at once');
sql('DELETE FROM invoices;');
ok_if(value('SELECT count(*) FROM shopper WHERE club_balance <> 0') == 0, 'none is left when all invoices are gone');
ok_if(value("SELECT count(*) FROM segment.verify_program('club')") == 0, 'verify_program() finds nothing');
sql(q{DO $$
DECLARE
    one totals;
BEGIN
    FOR one IN SELECT * FROM totals ORDER BY md5(invoice) LOOP
        INSERT INTO invoices VALUES (one.*);
    END LOOP;
END $$;});
counts('one by one');
done();

sub counts
{
	my ($when) = @_;
	my ($customers, $points, $negative, $many) = @{
		(
			rows(
				'SELECT count(*), sum(club_balance), count(*) FILTER (WHERE club_balance < 0), count(*) FILTER (WHERE club_balance > 500) FROM shopper'
			))[0]
	};
	my ($given, $taken) = @{
		(rows('SELECT sum(points) FILTER (WHERE points > 0), sum(points) FILTER (WHERE points < 0) FROM segment_data.shopper_club_granted'))[0]
	};
	my $differ = value('SELECT count(*) FROM (SELECT customer_id, sum(trunc(total)) AS points FROM totals GROUP BY 1) AS t
		JOIN shopper USING (customer_id) WHERE points <> club_balance');

	ok_if($given == 8902670 && $taken == -609431, "$when: $given are given, $taken taken");
	ok_if($customers == 4372 && $points == 8293239, "$when: $customers customers have $points");
	ok_if($negative == 41 && $many == 2536, "$when: $negative owe some, $many have more than 500");
	ok_if($differ == 0, "$when: each customer has what plain SQL says");
	ok_if(value('SELECT club_balance FROM shopper WHERE customer_id = 14646') == 279459, "$when: customer 14646 has 279459");
	ok_if(value("SELECT count(*) FROM segment.verify_program('club')") == 0, "$when: verify_program() finds nothing");
	return;
}
