-- The audiences, as a table: the same on every machine, and the first hundred
-- of a thousand are the hundred.  Of ten of them
--
--      three   compare a number:          total_spend > 4211.08
--      one     compares two:              revenue > order_count * 11.84
--      two     look at a store:           last_store = 'store 17'
--                                         first_store in ('store 3', 'store 90', 'store 311')
--      four    are conjunctions of two:   refund_count < 12 and biggest > 19.5
--                                         total_items > 640 and last_store = 'store 8'
--
-- Each trait's thresholds are spread evenly from its smallest to its biggest
-- value.  The filters are written so that they are conditions of SQL too: what
-- is done by hand is done with the same words.
CREATE TABLE audience AS
WITH value AS MATERIALIZED (
    SELECT number, name, v
    FROM naive, LATERAL (VALUES
        (0, 'order_count', order_count::numeric), (1, 'paid_count', paid_count), (2, 'refund_count', refund_count),
        (3, 'app_count', app_count), (4, 'revenue', revenue), (5, 'total_spend', total_spend),
        (6, 'refunded', refunded), (7, 'app_spend', app_spend), (8, 'total_discount', total_discount),
        (9, 'total_items', total_items), (10, 'average_order', average_order), (11, 'average_items', average_items),
        (12, 'smallest', smallest), (13, 'biggest', biggest), (14, 'most_items', most_items)) AS t(number, name, v)
),
trait AS MATERIALIZED (
    SELECT number, name, min(v) AS low, max(v) AS high,
        CASE WHEN bool_and(v = trunc(v)) THEN 0 ELSE 2 END AS digits
    FROM value
    GROUP BY number, name
),
-- two leaves for each audience; the golden ratio spreads the n-th threshold
leaf AS (
    SELECT a AS audience, n,
        format('%s %s %s', name, CASE WHEN hashint8extended(n, 1) & 1 = 0 THEN '>' ELSE '<' END,
            round(low + (high - low) * (n * 0.6180339887 % 1), digits)) AS comparison,
        CASE WHEN n % 2 = 0 THEN 'last_store' ELSE 'first_store' END
            || CASE WHEN n / 2 % 2 = 0 THEN format(' = ''store %s''', n * 389 % 500)
            ELSE format(' in (''store %s'', ''store %s'', ''store %s'')', n * 389 % 500, n * 211 % 500, n * 97 % 500) END
            AS store,
        format('revenue %s order_count * %s', CASE WHEN hashint8extended(n, 1) & 1 = 0 THEN '>' ELSE '<' END,
            (SELECT round(t.low + (t.high - t.low) * (n * 0.6180339887 % 1), 3) FROM trait AS t WHERE t.name = 'average_order'))
            AS ratio
    FROM generate_series(1, :audiences) AS a, LATERAL (VALUES (2 * a), (2 * a + 1)) AS l(n)
    JOIN trait ON number = (hashint8extended(n, 2) & 2147483647) % 15
)
SELECT audience, ('audience_' || audience)::name AS name,
    CASE
        WHEN audience % 10 < 1 THEN min(ratio) FILTER (WHERE n % 2 = 0)
        WHEN audience % 10 < 4 THEN min(comparison) FILTER (WHERE n % 2 = 0)
        WHEN audience % 10 < 6 THEN min(store) FILTER (WHERE n % 2 = audience / 10 % 2)
        WHEN audience % 10 < 8 THEN string_agg(comparison, ' and ' ORDER BY n)
        ELSE min(comparison) FILTER (WHERE n % 2 = 0) || ' and ' || min(store) FILTER (WHERE n % 2 = 1)
    END AS filter
FROM leaf
GROUP BY audience;
ALTER TABLE audience ADD PRIMARY KEY (audience);
