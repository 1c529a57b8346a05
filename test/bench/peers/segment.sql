-- the same ten in segment
CREATE EXTENSION segment;
SELECT segment.create_population('profile', key => 'customer_id', key_type => 'bigint');
SELECT segment.attach_source('orders', key => 'customer_id', at => 'ordered_at');
SELECT segment.create_trait('order_count',     'count(orders)');
SELECT segment.create_trait('amount',          'sum(orders.amount)');
SELECT segment.create_trait('average_order',   'avg(orders.amount)');
SELECT segment.create_trait('smallest',        'min(orders.amount)');
SELECT segment.create_trait('biggest',         'max(orders.amount)');
SELECT segment.create_trait('first_order_at',  'min(orders.ordered_at)');
SELECT segment.create_trait('last_order_at',   'max(orders.ordered_at)');
SELECT segment.create_trait('least_drink',     'min(orders.drink)');
SELECT segment.create_trait('greatest_drink',  'max(orders.drink)');
SELECT segment.create_trait('greatest_status', 'max(orders.status)');
