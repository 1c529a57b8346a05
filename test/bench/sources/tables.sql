-- The orders of a shop, and their lines: "flat" lines have the customer and the
-- time themselves, "linked" ones have them in their order.
CREATE EXTENSION segment;
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer_id bigint,
    status text,
    ordered_at timestamptz
);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE TABLE order_lines (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint,
    product_id integer,
    quantity integer,
    amount numeric
);
CREATE INDEX ON order_lines (order_id);
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.create_trait('orders', 'count(orders)');
SELECT :'lines' = 'flat' AS flat \gset
\if :flat
ALTER TABLE order_lines ADD customer_id bigint, ADD status text, ADD ordered_at timestamptz;
CREATE INDEX ON order_lines (customer_id, ordered_at);
SELECT segment.attach_source('order_lines', at => 'ordered_at');
\else
SELECT segment.attach_source('order_lines', through => 'orders', link => 'order_id');
\endif
SELECT segment.create_trait('lines', 'count(order_lines)');
SELECT segment.create_trait('items', 'sum(order_lines.quantity)');
SELECT segment.create_trait('paid', 'sum(order_lines.amount where '
    || CASE WHEN :'flat' THEN 'status' ELSE 'orders.status' END || ' = "paid")');
SELECT segment.create_trait('dearest', 'max(order_lines.amount)');
SELECT segment.create_trait('products', 'count(distinct order_lines.product_id)');
SELECT segment.create_trait('bought_at', 'max(order_lines.' || CASE WHEN :'flat' THEN '' ELSE 'orders.' END || 'ordered_at)');
SELECT segment.create_audience('vip', 'paid > 500');
INSERT INTO orders SELECT i, 1 + i % :profiles, 'paid', '2026-01-01'::timestamptz + i * interval '10 s' FROM generate_series(1, :orders) AS i;
INSERT INTO order_lines (order_id, product_id, quantity, amount) SELECT i, e, 1, 10 FROM generate_series(1, :orders) AS i, generate_series(1, 10) AS e WHERE NOT :'flat';
\if :flat
INSERT INTO order_lines (order_id, product_id, quantity, amount, customer_id, status, ordered_at)
SELECT id, e, 1, 10, customer_id, status, ordered_at FROM orders, generate_series(1, 10) AS e;
\endif
SELECT segment.tick();
VACUUM ANALYZE;
