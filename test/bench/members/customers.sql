-- the customers, and which audiences there are: audience 1 has a thousandth of
-- them, audience 100 six in ten, and each of those between the same part more
-- than the one before
CREATE TABLE customers (
    customer_id bigint PRIMARY KEY,
    points      integer NOT NULL,
    visits      integer NOT NULL
);
INSERT INTO customers
SELECT c, (hashint8extended(c, 1) & 2147483647) % 1000000, (hashint8extended(c, 2) & 2147483647) % 1000000
FROM generate_series(1, :profiles) AS c;

CREATE TABLE audience AS
SELECT audience, ('audience_' || audience)::name AS name,
    CASE audience % 3
        WHEN 0 THEN format('points < %s', round(1000000 * share))
        WHEN 1 THEN format('visits >= %s', round(1000000 * (1 - share)))
        ELSE format('points >= %s and visits < %s', round(1000000 * (1 - sqrt(share))), round(1000000 * sqrt(share)))
    END AS filter
FROM (SELECT audience, 0.001 * 600 ^ ((audience - 1) / 99.0) AS share FROM generate_series(1, 100) AS audience) AS s;
VACUUM ANALYZE customers;
