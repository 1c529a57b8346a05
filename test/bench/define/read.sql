\set customer random(1, :customers)
SELECT n FROM profile WHERE customer_id = :customer;
