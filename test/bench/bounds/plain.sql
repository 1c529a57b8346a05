-- ten plain traits
SELECT segment.create_trait('order_count',   'count(orders)');
SELECT segment.create_trait('paid_count',    'count(orders where status = "paid")');
SELECT segment.create_trait('amount',        'sum(orders.amount)');
SELECT segment.create_trait('total_spend',   'sum(orders.amount where status = "paid")');
SELECT segment.create_trait('average_order', 'avg(orders.amount)');
SELECT segment.create_trait('smallest',      'min(orders.amount)');
SELECT segment.create_trait('biggest',       'max(orders.amount)');
SELECT segment.create_trait('last_order_at', 'max(orders.ordered_at)');
SELECT segment.create_trait('first_drink',   'first(orders.drink)');
SELECT segment.create_trait('last_drink',    'last(orders.drink)');
