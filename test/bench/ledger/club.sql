-- Customers of a shop whose orders earn a point for each whole pound that was paid,
-- which expire after a year.
SELECT segment.create_program('club', expires => 'after 12 months');
SELECT count(segment.join_program('club', customer)) FROM generate_series(1, :profiles) AS customer;
SELECT segment.create_earning('club', 'orders', 'orders.amount where status = "paid"', ref => 'order_id');
