-- ten of the twenty traits of shop/segment.sql go, and ten over windows come
SELECT segment.drop_trait(trait) FROM unnest(ARRAY['paid_count', 'app_count', 'revenue', 'refunded',
    'total_discount', 'total_items', 'average_items', 'smallest', 'most_items', 'last_channel']::name[]) AS trait;
SELECT segment.create_trait('orders_7d',    'count(orders in last 7 days)');
SELECT segment.create_trait('orders_30d',   'count(orders in last 30 days)');
SELECT segment.create_trait('orders_365d',  'count(orders in last 365 days)');
SELECT segment.create_trait('spend_30d',    'sum(orders.amount in last 30 days)');
SELECT segment.create_trait('spend_90d',    'sum(orders.amount in last 90 days)');
SELECT segment.create_trait('spend_before', 'sum(orders.amount between 60 days and 30 days ago)');
SELECT segment.create_trait('items_month',  'sum(orders.items in this month)');
SELECT segment.create_trait('average_90d',  'avg(orders.amount in last 90 days)');
SELECT segment.create_trait('biggest_365d', 'max(orders.amount in last 365 days)');
SELECT segment.create_trait('app_14d',      'did orders where channel = "app" in last 14 days');
