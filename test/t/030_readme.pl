# What README tells of tables as people have them is typed as it stands there, and
# is true.

use strict;
use warnings;

use FindBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $readme = slurp_file("$FindBin::RealBin/../../README.md");
my ($chapter) = $readme =~ /^### Tables as you have them\n(.*?)^## /ms;
my @blocks = $chapter =~ /^```sql\n(.*?)^```/msg;
my ($attach, $define, $change) = @blocks;
is(scalar(@blocks), 3, 'README has the chapter, with three blocks');

my $node = PostgreSQL::Test::Cluster->new('readme');
$node->init;
$node->start;
$node->safe_psql('postgres', <<'END');
CREATE TABLE categories (category_id smallint PRIMARY KEY, category_name varchar(15) NOT NULL);
CREATE TABLE employees (employee_id smallint PRIMARY KEY, last_name varchar(20) NOT NULL);
CREATE TABLE customers (customer_id varchar(5) PRIMARY KEY, company_name varchar(40) NOT NULL);
CREATE TABLE products (product_id smallint PRIMARY KEY, product_name varchar(40) NOT NULL, category_id smallint REFERENCES categories);
CREATE TABLE orders (order_id smallint PRIMARY KEY, customer_id varchar(5) REFERENCES customers, employee_id smallint REFERENCES employees,
	order_date date, required_date date, shipped_date date);
CREATE TABLE order_details (order_id smallint REFERENCES orders, product_id smallint REFERENCES products, unit_price real, quantity smallint,
	PRIMARY KEY (order_id, product_id));
INSERT INTO categories VALUES (1, 'Beverages'), (2, 'Fish'), (3, 'Bread');
INSERT INTO employees VALUES (1, 'Adler'), (2, 'Bruun');
INSERT INTO customers VALUES ('ADA', 'Ada''s café'), ('BEN', 'Ben''s bar'), ('CLEO', 'Cleo''s kiosk');
INSERT INTO products VALUES (1, 'Tea', 1), (2, 'Cod', 2), (3, 'Rye', 3);
INSERT INTO orders VALUES (1, 'ADA', 1, '1998-01-01', '1998-02-01', '1998-02-03'), (2, 'ADA', 2, '1998-03-01', '1998-04-01', NULL), (3, 'BEN', 2, '1998-04-01', NULL, NULL);
INSERT INTO order_details VALUES (1, 1, 2, 60), (1, 3, 1, 5), (2, 1, 2, 20), (3, 1, 2, 90), (3, 2, 9, 1);
END

my ($status, $stdout, $stderr) = typed($attach);
is($status, 0, 'sources are attached');
my @indexes = $stderr =~ /^HINT:  (CREATE INDEX .*;)$/mg;
cmp_ok(scalar(@indexes), '>', 2, 'NOTICEs name the indexes');
(undef, undef, my $complaint) = typed(join "\n", @indexes);
is($complaint, '', 'which can be typed');
($status, $stdout, $stderr) = typed($define);
is($status, 0, "traits and the audience are defined: $stderr");
like($stdout, qr/^ADA\|Ada's café\|2\|1998-03-01\|1\|165\|80\|\{Beverages,Bread\}\|Tea\|2$/m, 'and its member is Ada');
($status, $stdout, $stderr) = typed($change);
is($status, 0, 'a look-up is changed');
like($stdout, qr/^UPDATE 1\n0\nUPDATE 1$/m, 'and the audience with it; nothing is wrong');
is($node->safe_psql('postgres', 'SELECT * FROM tea_time'), 'ADA', 'Ada is back');
unlike($stdout, qr/\|/, 'verify() finds nothing');
my @statements = grep { /\S/ } split /;$/m, "$attach$define" =~ s/^SELECT b\..*//mr;
is(scalar(@statements), 7, 'as many statements as README counts');
$node->stop;
done_testing();

sub typed
{
	my ($sql) = @_;
	my ($out, $err);
	my $result = $node->psql('postgres', $sql, stdout => \$out, stderr => \$err,
		extra_params => [ '-v', 'ON_ERROR_STOP=1', '-v', 'QUIET=off' ]);

	return ($result, $out, $err);
}
