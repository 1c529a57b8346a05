SELECT md5(string_agg(p::text, ',' ORDER BY customer_id)) || ' ' || count(*) FILTER (WHERE paid > 500)
FROM (SELECT customer_id, count(DISTINCT o.id) AS orders, count(l.id) AS lines, sum(quantity) AS items, sum(amount) AS paid, max(amount) AS dearest, count(DISTINCT product_id) AS products
    FROM (SELECT id, customer_id FROM orders) AS o JOIN (SELECT id, order_id, quantity, amount, product_id FROM order_lines) AS l ON l.order_id = o.id GROUP BY customer_id) AS p;
