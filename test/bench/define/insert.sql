\set customer random(1, :customers)
INSERT INTO orders (customer_id, amount, ordered_at) VALUES (:customer, 5, now());
