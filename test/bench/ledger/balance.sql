-- What a till does without a ledger: a number that must not be less than nothing.
CREATE TABLE balance (customer_id bigint PRIMARY KEY, points bigint NOT NULL CHECK (points >= 0));
INSERT INTO balance SELECT customer, 1000000000 FROM generate_series(1, :profiles) AS customer;
