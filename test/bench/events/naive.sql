-- what the traits are, from the events alone
CREATE VIEW profile AS
SELECT customer_id,
    count(*) AS order_count,
    count(*) FILTER (WHERE status = 'paid') AS paid_count,
    sum(amount) AS amount,
    coalesce(sum(amount) FILTER (WHERE status = 'paid'), 0) AS total_spend,
    avg(amount) AS average_order,
    min(amount) AS smallest,
    max(amount) AS biggest,
    max(ordered_at) AS last_order_at,
    (array_agg(drink ORDER BY ordered_at))[1] AS first_drink,
    (array_agg(drink ORDER BY ordered_at DESC))[1] AS last_drink
FROM orders
GROUP BY customer_id;
