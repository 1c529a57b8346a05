-- What does create_audience take, and the first event of this connection, warm
-- by then, after another one has done that?
\setenv DATABASE :DBNAME
INSERT INTO orders (customer_id, ordered_at, amount, discount, items, status, channel, store)
VALUES (:customer, timestamptz '2027-02-01 00:00+00' + make_interval(secs => :second), 4.50, 0, 2, 'paid', 'app', 'store 7');
-- the session that creates has looked at the definitions before
SELECT segment.create_audience('bench_warm', 'order_count > 200', view => false) \g /dev/null
\timing on
SELECT segment.create_audience('bench_new', 'order_count > 300', view => false) \g /dev/null
\timing off
INSERT INTO orders (customer_id, ordered_at, amount, discount, items, status, channel, store)
VALUES (:customer, timestamptz '2027-02-02 00:00+00' + make_interval(secs => :second), 4.50, 0, 2, 'paid', 'app', 'store 7');
\timing on
INSERT INTO orders (customer_id, ordered_at, amount, discount, items, status, channel, store)
VALUES (:customer, timestamptz '2027-02-03 00:00+00' + make_interval(secs => :second), 4.50, 0, 2, 'paid', 'app', 'store 7');
\timing off
\! psql -X -q -d "$DATABASE" -c "SELECT segment.drop_audience('bench_new')" >/dev/null
\timing on
INSERT INTO orders (customer_id, ordered_at, amount, discount, items, status, channel, store)
VALUES (:customer, timestamptz '2027-02-04 00:00+00' + make_interval(secs => :second), 4.50, 0, 2, 'paid', 'app', 'store 7');
\timing off
SELECT segment.drop_audience('bench_warm') \g /dev/null
