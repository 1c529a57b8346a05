SELECT md5(string_agg(p::text, ',' ORDER BY customer_id)) || ' ' || (SELECT segment.size('vip'))
FROM (SELECT customer_id, orders, lines, items, paid, dearest, products FROM profile) AS p;
