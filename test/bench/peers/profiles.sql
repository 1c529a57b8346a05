-- all aggregates of all customers in one word, to compare them
SELECT md5(string_agg(concat_ws(' ', customer_id, order_count, trim_scale(amount),
        round(average_order, 6), trim_scale(smallest), trim_scale(biggest),
        extract(epoch FROM first_order_at), extract(epoch FROM last_order_at),
        least_drink, greatest_drink, greatest_status), ',' ORDER BY customer_id))
FROM profile;
