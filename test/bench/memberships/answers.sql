-- all traits and all members in two words, to compare them across databases
SELECT md5(string_agg(concat_ws(' ', customer_id, order_count, paid_count, refund_count, app_count,
        trim_scale(revenue), trim_scale(total_spend), trim_scale(refunded), trim_scale(app_spend),
        trim_scale(total_discount), total_items, round(average_order, 6), round(average_items, 6),
        trim_scale(smallest), trim_scale(biggest), most_items, extract(epoch FROM first_order_at),
        extract(epoch FROM last_order_at), first_store, last_store, last_channel), ',' ORDER BY customer_id)),
    (SELECT md5(string_agg(audience || ' ' || customer_id, ',' ORDER BY audience, customer_id)) FROM member)
FROM profile;
