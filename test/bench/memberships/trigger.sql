-- (d) the twenty traits and the hundred audiences by hand, for insert only, as
-- an experienced colleague would write it: one statement trigger with a
-- grouped upsert, and one statement that decides all audiences for the
-- customers of the event and brings the table of members in line.
CREATE TABLE total (
    customer_id    bigint PRIMARY KEY,
    order_count    bigint NOT NULL,
    paid_count     bigint NOT NULL,
    refund_count   bigint NOT NULL,
    app_count      bigint NOT NULL,
    revenue        numeric NOT NULL,
    total_spend    numeric NOT NULL,
    refunded       numeric NOT NULL,
    app_spend      numeric NOT NULL,
    total_discount numeric NOT NULL,
    total_items    bigint NOT NULL,
    smallest       numeric NOT NULL,
    biggest        numeric NOT NULL,
    most_items     integer NOT NULL,
    first_order_at timestamptz NOT NULL,
    last_order_at  timestamptz NOT NULL,
    first_store    text NOT NULL,
    last_store     text NOT NULL,
    last_channel   text NOT NULL
) WITH (fillfactor = 70);
INSERT INTO total
SELECT customer_id, order_count, paid_count, refund_count, app_count, revenue, total_spend, refunded, app_spend,
    total_discount, total_items, smallest, biggest, most_items, first_order_at, last_order_at,
    first_store, last_store, last_channel
FROM naive;

CREATE VIEW profile AS
SELECT *, revenue / order_count AS average_order, total_items::numeric / order_count AS average_items
FROM total;

CREATE TABLE member (
    customer_id bigint,
    audience    integer,
    PRIMARY KEY (customer_id, audience)
);
CREATE INDEX ON member (audience, customer_id);

-- The conditions of the audiences go into the statement, as they would by
-- hand:  ARRAY[CASE WHEN refunded < 90.41 THEN 1 END, ...]  are those that
-- hold.  (A list of VALUES joined to the customer was slower, and so was an
-- array of the members as they were before.)
DO $do$
BEGIN
    EXECUTE format($format$
CREATE FUNCTION maintain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO total AS t
    SELECT customer_id,
        count(*),
        count(*) FILTER (WHERE status = 'paid'),
        count(*) FILTER (WHERE status = 'refunded'),
        count(*) FILTER (WHERE channel = 'app'),
        sum(amount),
        coalesce(sum(amount) FILTER (WHERE status = 'paid'), 0),
        coalesce(sum(amount) FILTER (WHERE status = 'refunded'), 0),
        coalesce(sum(amount) FILTER (WHERE channel = 'app'), 0),
        sum(discount),
        sum(items),
        min(amount),
        max(amount),
        max(items),
        min(ordered_at),
        max(ordered_at),
        (array_agg(store ORDER BY ordered_at))[1],
        (array_agg(store ORDER BY ordered_at DESC))[1],
        (array_agg(channel ORDER BY ordered_at DESC))[1]
    FROM inserted
    GROUP BY customer_id
    ORDER BY customer_id
    ON CONFLICT (customer_id) DO UPDATE SET
        order_count = t.order_count + excluded.order_count,
        paid_count = t.paid_count + excluded.paid_count,
        refund_count = t.refund_count + excluded.refund_count,
        app_count = t.app_count + excluded.app_count,
        revenue = t.revenue + excluded.revenue,
        total_spend = t.total_spend + excluded.total_spend,
        refunded = t.refunded + excluded.refunded,
        app_spend = t.app_spend + excluded.app_spend,
        total_discount = t.total_discount + excluded.total_discount,
        total_items = t.total_items + excluded.total_items,
        smallest = least(t.smallest, excluded.smallest),
        biggest = greatest(t.biggest, excluded.biggest),
        most_items = greatest(t.most_items, excluded.most_items),
        first_store = CASE WHEN excluded.first_order_at < t.first_order_at
            THEN excluded.first_store ELSE t.first_store END,
        last_store = CASE WHEN excluded.last_order_at > t.last_order_at
            THEN excluded.last_store ELSE t.last_store END,
        last_channel = CASE WHEN excluded.last_order_at > t.last_order_at
            THEN excluded.last_channel ELSE t.last_channel END,
        first_order_at = least(t.first_order_at, excluded.first_order_at),
        last_order_at = greatest(t.last_order_at, excluded.last_order_at);

    WITH decided AS MATERIALIZED (
        SELECT customer_id, array_remove(ARRAY[%s], NULL) AS audiences
        FROM profile
        WHERE customer_id IN (SELECT customer_id FROM inserted)
    ), gone AS (
        DELETE FROM member m USING decided d
        WHERE m.customer_id = d.customer_id AND m.audience <> ALL (d.audiences)
    )
    INSERT INTO member (customer_id, audience)
    SELECT customer_id, a
    FROM decided d, unnest(audiences) AS a
    WHERE NOT EXISTS (SELECT FROM member m WHERE m.customer_id = d.customer_id AND m.audience = a);
    RETURN NULL;
END
$$
$format$, (SELECT string_agg(format('CASE WHEN %s THEN %s END', filter, audience), ', ' ORDER BY audience)
           FROM audience WHERE audience <= 100));
END
$do$;

DO $$
DECLARE
    a record;
BEGIN
    FOR a IN SELECT audience, filter FROM audience WHERE audience <= 100 LOOP
        EXECUTE format('INSERT INTO member SELECT customer_id, %s FROM profile WHERE %s', a.audience, a.filter);
    END LOOP;
END
$$;

CREATE TRIGGER maintain AFTER INSERT ON orders
REFERENCING NEW TABLE AS inserted
FOR EACH STATEMENT EXECUTE FUNCTION maintain();
