CREATE EXTENSION segment;
SELECT segment.create_population('profile', key => 'customer_id', key_type => 'bigint');
SELECT segment.attach_source('orders', key => 'customer_id', at => 'ordered_at');
-- ten windowed traits, of ten conditions, so that each has a series of its own
SELECT segment.create_trait('order_count', 'count(orders since "2020-01-01")');
SELECT segment.create_trait('spend_' || cents, format(
    'sum(orders.amount where amount > %s since "2020-01-01")', cents / 100.0))
FROM generate_series(300, 1100, 100) AS cents;
