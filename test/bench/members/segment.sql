-- the members as segment keeps them
CREATE EXTENSION segment;
SELECT segment.create_population('profile', key => 'customer_id', key_type => 'bigint');
SELECT segment.attach_source('customers', key => 'customer_id');
SELECT segment.create_trait('points', 'customers.points');
SELECT segment.create_trait('visits', 'customers.visits');
SELECT segment.create_audience(name, filter::segment.filter, view => false) FROM audience ORDER BY audience;
