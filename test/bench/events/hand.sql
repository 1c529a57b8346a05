SELECT count(*) FROM profile p
WHERE total_spend > 100 AND order_count >= 8 AND last_drink IN ('cortado', 'filter');
