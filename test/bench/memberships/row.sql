-- (b) one row for each customer, of twenty numbers, with room for HOT
CREATE TABLE profile_row (
    customer_id bigint PRIMARY KEY,
    c1 bigint NOT NULL DEFAULT 0, c2 bigint NOT NULL DEFAULT 0, c3 bigint NOT NULL DEFAULT 0, c4 bigint NOT NULL DEFAULT 0, c5 bigint NOT NULL DEFAULT 0,
    c6 bigint NOT NULL DEFAULT 0, c7 bigint NOT NULL DEFAULT 0, c8 bigint NOT NULL DEFAULT 0, c9 bigint NOT NULL DEFAULT 0, c10 bigint NOT NULL DEFAULT 0,
    c11 bigint NOT NULL DEFAULT 0, c12 bigint NOT NULL DEFAULT 0, c13 bigint NOT NULL DEFAULT 0, c14 bigint NOT NULL DEFAULT 0, c15 bigint NOT NULL DEFAULT 0,
    c16 bigint NOT NULL DEFAULT 0, c17 bigint NOT NULL DEFAULT 0, c18 bigint NOT NULL DEFAULT 0, c19 bigint NOT NULL DEFAULT 0, c20 bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
INSERT INTO profile_row SELECT DISTINCT customer_id FROM orders;
VACUUM ANALYZE profile_row;
