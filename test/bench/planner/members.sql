-- the profiles, three audiences, and tables of their members
CREATE EXTENSION segment;
CREATE TABLE customers (customer_id bigint PRIMARY KEY, points integer NOT NULL, city text NOT NULL);
INSERT INTO customers
SELECT c, (hashint8extended(c, 1) & 2147483647) % 1000000, 'city ' || c % 50 FROM generate_series(1, :profiles) AS c;
SELECT segment.create_population('profile', key => 'customer_id', key_type => 'bigint');
SELECT segment.attach_source('customers', key => 'customer_id');
SELECT segment.create_trait('points', 'customers.points');
SELECT segment.create_audience('ten', 'customer_id <= 10');
SELECT segment.create_audience('other_ten', 'customer_id > 5 and customer_id <= 15');
SELECT segment.create_audience('few', 'points < 20000');
SELECT segment.create_audience('most', 'points >= 200000');

CREATE SCHEMA by_hand;
CREATE TABLE by_hand.ten AS SELECT * FROM ten;
CREATE TABLE by_hand.other_ten AS SELECT * FROM other_ten;
CREATE TABLE by_hand.few AS SELECT * FROM few;
CREATE TABLE by_hand.most AS SELECT * FROM most;
ALTER TABLE by_hand.ten ADD PRIMARY KEY (customer_id);
ALTER TABLE by_hand.other_ten ADD PRIMARY KEY (customer_id);
ALTER TABLE by_hand.few ADD PRIMARY KEY (customer_id);
ALTER TABLE by_hand.most ADD PRIMARY KEY (customer_id);
