-- ten aggregates for each customer, kept by pg_ivm
CREATE EXTENSION pg_ivm;
SELECT pgivm.create_immv('profile', $$
    SELECT customer_id,
        count(*) AS order_count,
        sum(amount) AS amount,
        avg(amount) AS average_order,
        min(amount) AS smallest,
        max(amount) AS biggest,
        min(ordered_at) AS first_order_at,
        max(ordered_at) AS last_order_at,
        min(drink) AS least_drink,
        max(drink) AS greatest_drink,
        max(status) AS greatest_status
    FROM orders
    GROUP BY customer_id$$);
