-- all traits of all profiles in one word, to compare them across databases
SELECT md5(string_agg(concat_ws(' ', customer_id, order_count, paid_count,
        trim_scale(amount), trim_scale(total_spend), round(average_order, 6),
        trim_scale(smallest), trim_scale(biggest), extract(epoch FROM last_order_at),
        first_drink, last_drink), ',' ORDER BY customer_id))
FROM profile;
