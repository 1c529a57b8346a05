SELECT count(*) FROM profile p
WHERE p @@ 'total_spend > 100 and order_count >= 8 and last_drink in ("cortado", "filter")';
