CREATE EXTENSION segment;
SELECT segment.create_population('profile', key => 'customer_id', key_type => 'bigint');
SELECT segment.attach_source('orders', key => 'customer_id', at => 'ordered_at');
