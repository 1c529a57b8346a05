-- As many rows of the view, one at a time.
SELECT format(E'SELECT * FROM profile WHERE customer_id = %s;\n', 1 + n * 37 % :profiles)
FROM generate_series(1, :inserts) AS n
ORDER BY n;
