-- the twenty traits, from the events alone (no two events have one time)
CREATE VIEW naive AS
SELECT customer_id,
    count(*) AS order_count,
    count(*) FILTER (WHERE status = 'paid') AS paid_count,
    count(*) FILTER (WHERE status = 'refunded') AS refund_count,
    count(*) FILTER (WHERE channel = 'app') AS app_count,
    sum(amount) AS revenue,
    coalesce(sum(amount) FILTER (WHERE status = 'paid'), 0) AS total_spend,
    coalesce(sum(amount) FILTER (WHERE status = 'refunded'), 0) AS refunded,
    coalesce(sum(amount) FILTER (WHERE channel = 'app'), 0) AS app_spend,
    sum(discount) AS total_discount,
    sum(items) AS total_items,
    avg(amount) AS average_order,
    avg(items) AS average_items,
    min(amount) AS smallest,
    max(amount) AS biggest,
    max(items) AS most_items,
    min(ordered_at) AS first_order_at,
    max(ordered_at) AS last_order_at,
    (array_agg(store ORDER BY ordered_at))[1] AS first_store,
    (array_agg(store ORDER BY ordered_at DESC))[1] AS last_store,
    (array_agg(channel ORDER BY ordered_at DESC))[1] AS last_channel
FROM orders
GROUP BY customer_id;
