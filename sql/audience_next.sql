-- When does somebody enter or leave an audience by the passing of time alone?
CREATE SCHEMA shop_next;
SET search_path = shop_next;
SET timezone = 'Europe/Copenhagen';
SET datestyle = 'ISO';
SET segment.now = '2024-03-25 12:00+01';

CREATE TABLE customers (customer_id bigint PRIMARY KEY, born date, renewal_at timestamptz, seen timestamp);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, amount numeric, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
-- Ada has ordered and will be there; Ben has an order that is not due yet;
-- of Cleo next to nothing is known
INSERT INTO customers VALUES
    (1, '1990-04-02', '2024-04-01 10:00+02', '2024-03-20 02:30'),
    (2, '1992-02-29', 'infinity', '-infinity'), (3, NULL, NULL, NULL);
INSERT INTO orders VALUES
    (1, 1, 600, '2024-02-28 13:00+01'), (2, 1, 20, '2024-03-24 13:00+01'), (3, 2, 700, '2024-03-26 13:00+01');
SELECT segment.create_population('profile', timezone => 'Europe/Copenhagen');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.create_trait('born', 'customers.born');
SELECT segment.create_trait('renewal_at', 'customers.renewal_at');
SELECT segment.create_trait('seen', 'customers.seen');
SELECT segment.create_trait('total_spend', 'sum(orders.amount)');
SELECT segment.create_trait('last_order_at', 'max(orders.ordered_at)');
SELECT segment.create_trait('orders_30d', 'count(orders in last 30 days)');
SELECT segment.create_trait('orders_1m', 'count(orders in last 1 month)');
SELECT segment.create_trait('this_month', 'sum(orders.amount in this month)');
SELECT segment.create_trait('weeks_ago', 'exists(orders between 2 weeks and 1 week ago)');
SELECT segment.create_trait('idle', 'now - last_order_at');

-- the next change of a filter, for each profile
CREATE FUNCTION changes(asked text, OUT filter text, OUT ada timestamptz, OUT ben timestamptz, OUT cleo timestamptz)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM segment.create_audience('asked', asked::segment.filter, view => false);
    filter := asked;
    ada := segment.next_change('asked', 1);
    ben := segment.next_change('asked', 2);
    cleo := segment.next_change('asked', 3);
    PERFORM segment.drop_audience('asked');
END $$;

-- spans.  Clocks are set forward on 31 March, so that 30 days are an hour less
SELECT c.* FROM unnest(ARRAY[
    'last_order_at in last 30 days', 'last_order_at more than 30 days ago', 'last_order_at less than 36 hours ago',
    'last_order_at < now - 30 days', 'renewal_at in next 3 days', 'renewal_at <= now', 'renewal_at > today',
    'renewal_at before "2024-04-02"', 'seen in last 10 days', 'seen > today - 2 weeks',
    'last_order_at = now', 'now >= last_order_at + 30 days', 'renewal_at between now and now + 1 day']) AS f, changes(f) AS c;

-- periods and days
SELECT c.* FROM unnest(ARRAY[
    'last_order_at in this month', 'last_order_at in this week', 'last_order_at in last quarter', 'renewal_at in next month',
    'seen in this day', 'today = "2024-05-05"', 'now > "2025-01-01"', 'anniversary of born today',
    'anniversary of born in next 7 days', 'anniversary of born in last 1 month', 'anniversary of born in this month',
    'month(today) = 2', 'weekday(now) in (6, 7)', 'hour(now) = 2']) AS f, changes(f) AS c;

-- windows: an order comes when it is due, and goes when the window has passed it
SELECT c.* FROM unnest(ARRAY[
    'orders_30d >= 2', 'orders_30d > 0', 'orders_30d < 5', 'orders_1m = 1', 'this_month > 100', 'weeks_ago', 'not weeks_ago']) AS f, changes(f) AS c;

-- arithmetic with times
SELECT c.* FROM unnest(ARRAY[
    'idle > 30 days', 'now - last_order_at > 30 days', 'renewal_at - now < 1 day', 'days_between(born, today) >= 20000',
    'floor(days_between(born, today) / 365.25) > 40', 'coalesce(idle, 1 year) > 2 weeks',
    'greatest(last_order_at, now - 1 month) > renewal_at']) AS f, changes(f) AS c;

-- where several come together, it is when the whole changes, not a part
SELECT c.* FROM unnest(ARRAY[
    'last_order_at in last 30 days and total_spend > 650', 'last_order_at in last 30 days or total_spend > 0',
    'orders_30d > 1 and this_month > 0 and renewal_at > now', 'not (orders_30d > 1 or renewal_at < now)',
    'at least 2 of (orders_30d > 1, renewal_at > now, last_order_at in last 30 days)',
    'total_spend > 100', 'true']) AS f, changes(f) AS c;

-- a month on the calendar.  On 29, 30 and 31 March of a common year a month ago is
-- 28 February; but a month after an order of that evening is 28 March, once
SET segment.now = '2023-03-28 12:00+02';
-- (a clock that goes back: who is a member is decided anew)
SELECT segment.rebuild('profile');
INSERT INTO orders VALUES (4, 3, 5, '2023-02-28 20:00+01');
SELECT segment.create_audience('recent', 'orders_1m > 0', view => false);
SELECT segment.create_audience('recently', 'not last_order_at more than 1 month ago', view => false);
DO $$
DECLARE
    at timestamptz := segment.now();
BEGIN
    WHILE at IS NOT NULL LOOP
        PERFORM set_config('segment.now', at::text, false);
        RAISE NOTICE '%: % %', at, segment.is_member('recent', 3), segment.is_member('recently', 3);
        at := least(segment.next_change('recent', 3), segment.next_change('recently', 3));
    END LOOP;
END $$;

-- clocks: an hour that does not come on 31 March, and one that comes twice on
-- 27 October.  Whoever was seen at half past two on the day before ...
SET segment.now = '2024-03-30 12:00+01';
UPDATE customers SET seen = '2024-03-30 02:30' WHERE customer_id = 3;
SELECT c.filter, c.cleo FROM changes('seen in last 1 day') AS c;
SELECT c.filter, c.cleo FROM changes('seen + 1 day <= now') AS c;
SELECT c.filter, c.cleo FROM changes('seen in last 24 hours') AS c;
SET segment.now = '2024-10-26 12:00+02';
UPDATE customers SET seen = '2024-10-26 02:30' WHERE customer_id = 3;
SELECT c.filter, c.cleo FROM changes('seen in last 1 day') AS c;
SELECT c.filter, c.cleo FROM changes('seen in last 24 hours') AS c;
-- ... and local time runs over two, back behind it, and over it again; but half past
-- two stands for one instant
UPDATE customers SET seen = '2024-10-27 02:30' WHERE customer_id = 3;
SELECT segment.create_audience('seen', 'seen <= now', view => false);
SELECT segment.create_audience('at two', 'hour(now) = 2', view => false);
DO $$
DECLARE
    at timestamptz := '2024-10-26 12:00+02';
BEGIN
    FOR i IN 1 .. 6 LOOP
        PERFORM set_config('segment.now', at::text, false);
        RAISE NOTICE '%: % %', at, segment.is_member('seen', 3), segment.is_member('at two', 3);
        at := least(segment.next_change('seen', 3), segment.next_change('at two', 3));
    END LOOP;
END $$;

-- of two orders the later one may leave first
SET segment.now = '2023-02-01 12:00+01';
SELECT segment.rebuild('profile');
INSERT INTO orders VALUES (8, 4, 5, '2023-01-30 12:00+01'), (9, 4, 5, '2023-01-31 08:00+01');
SELECT segment.create_audience('one', 'orders_1m = 1', view => false);
SELECT segment.create_audience('last thirtieth', 'last(orders.ordered_at in last 1 month) before "2023-01-31"', view => false);
SELECT segment.next_change('one', 4), segment.next_change('last thirtieth', 4);
SET segment.now = '2023-02-28 08:00+01';
SELECT segment.next_change('one', 4), segment.next_change('last thirtieth', 4);
DELETE FROM orders WHERE customer_id = 4;

-- what stays as it is for ever never changes, and the number of those for whom it
-- holds is today's, however far one looks; and what changes once does not change again
SET segment.now = '2024-05-06 12:00+02';
SELECT segment.rebuild('profile');
SELECT c.* FROM unnest(ARRAY[
    'year(today) = 2000', 'year(now) >= 2024', 'year(today) < 2024', 'month(today) < 13', 'weekday(now) in (8, 9)', 'hour(now) = 24',
    'month(today) = 2 and day(today) = 30', 'day(today) = 31 and month(today) in (4, 6, 9, 11)', 'week(today) > 53',
    'today < "2000-01-01"', 'now after "1999-12-31"', 'last_order_at < now', 'days_between(born, today) > 10',
    'anniversary of born in this month and month(today) != month(born)', 'year(today) - year(born) > 10']) AS f, changes(f) AS c;
SELECT c.* FROM unnest(ARRAY[
    'year(today) = 2100', 'year(today) >= 12000', 'month(today) = 2 and day(today) = 29 and weekday(today) = 7', 'today > "9999-12-31"',
    'year(today) - year(born) > 1000', 'days_between(born, today) > 1000000']) AS f, changes(f) AS c;
SELECT segment.create_audience('never', 'year(today) = 2000', view => false), segment.create_audience('always', 'year(now) >= 2024', view => false);
SELECT at, segment.forecast('never', at), segment.forecast('always', at) = segment.size('always') AS as_today
FROM unnest('{2024-05-07,2100-01-01,4026-01-01,250000-01-01}'::timestamptz[]) AS at;
SELECT depth, filter, holds, next_change FROM segment.explain('never', 1);
-- of what moves all the time nobody can say it, and no instant is made up
SELECT c.* FROM changes('now - last_order_at > now - renewal_at') AS c;

-- a leap day
SET segment.now = '2024-02-20 12:00+01';
SELECT segment.rebuild('profile');
INSERT INTO orders VALUES (5, 3, 5, '2024-01-31 12:00+01');
SELECT c.filter, c.cleo FROM unnest(ARRAY['last_order_at in last 1 month', 'orders_1m > 0', 'last_order_at > today - 1 month']) AS f, changes(f) AS c;
SELECT c.filter, c.ben FROM changes('anniversary of born today') AS c;
SET segment.now = '2025-02-20 12:00+01';
SELECT c.filter, c.ben FROM changes('anniversary of born today') AS c;

-- the same in New York, where clocks are set on 10 March and 3 November
SELECT segment.create_population('us', timezone => 'America/New_York');
SELECT segment.attach_source('orders', at => 'ordered_at', population => 'us');
SELECT segment.create_trait('last_order_at', 'max(orders.ordered_at)', 'us');
SELECT segment.create_trait('orders_1d', 'count(orders in last 1 day)', 'us');
SET timezone = 'America/New_York';
SET segment.now = '2024-03-09 20:00-05';
INSERT INTO orders VALUES (6, 4, 5, '2024-03-09 02:30-05'), (7, 5, 5, '2024-11-02 01:30-04');
SELECT segment.create_audience('in last day', 'last_order_at in last 1 day', 'us', view => false);
SELECT segment.create_audience('did order', 'orders_1d > 0', 'us', view => false);
SELECT segment.next_change('in last day', 4), segment.next_change('did order', 4);
SELECT segment.next_change('in last day', 5), segment.next_change('did order', 5);
SET segment.now = '2024-11-02 20:00-04';
SELECT segment.next_change('in last day', 5), segment.next_change('did order', 5);
SELECT segment.drop_population('us', cascade => true);
SET timezone = 'Europe/Copenhagen';

-- explain tells it of each part
SET segment.now = '2024-03-25 12:00+01';
SELECT segment.rebuild('profile');
SELECT segment.create_audience('vip', 'total_spend > 500', view => false);
SELECT segment.create_audience('lapsing', 'in audience vip and not (orders_30d > 1 or renewal_at < now)', view => false);
SELECT repeat('  ', depth) || filter AS filter, holds, next_change FROM segment.explain('lapsing', 1);

-- and what it says happens, to the microsecond
SELECT segment.next_change('lapsing', 1) AS change \gset
SELECT segment.is_member('lapsing', 1);
SELECT set_config('segment.now', (:'change'::timestamptz - interval '1 microsecond')::text, false);
SELECT segment.is_member('lapsing', 1), segment.next_change('lapsing', 1);
SELECT set_config('segment.now', :'change', false);
SELECT segment.is_member('lapsing', 1), segment.next_change('lapsing', 1);

-- how many will there be?
SET segment.now = '2024-03-25 12:00+01';
SELECT segment.rebuild('profile');
SELECT segment.create_audience('active', 'orders_30d > 0', view => false);
SELECT day::date, segment.forecast('active', day), segment.forecast('vip', day)
FROM generate_series(timestamptz '2024-03-26', '2024-04-28', '8 days') AS day;
SELECT segment.forecast('active', segment.now()) = segment.size('active') AS now, segment.now();
SELECT segment.forecast('active', NULL), segment.forecast(NULL, now()), segment.next_change('active', NULL::bigint);

-- an error does not leave the clock where it was set
SELECT segment.create_audience('far', 'last_order_at in next 5000 years and now - last_order_at > last_order_at - (now - 1 day)', view => false);
BEGIN;
SAVEPOINT here;
SELECT segment.forecast('far', '294000-01-01');
ROLLBACK TO here;
SELECT segment.now();
COMMIT;

-- what cannot be asked
SELECT segment.forecast('active', '2024-03-25 11:59+01');
SELECT segment.forecast('active', 'infinity');
SELECT segment.forecast('aktive', 'tomorrow');
SELECT segment.next_change('active', 77);
SELECT segment.next_change('active', 'seven');
SELECT segment.next_change('aktive', 1);

-- who may read the view may ask
CREATE ROLE next_reader;
GRANT USAGE ON SCHEMA shop_next TO next_reader;
SET ROLE next_reader;
SELECT segment.next_change('active', 1);
SELECT segment.forecast('active', '2030-01-01');
RESET ROLE;
GRANT SELECT ON profile TO next_reader;
SET ROLE next_reader;
SELECT segment.next_change('active', 1), segment.forecast('active', '2030-01-01');
RESET ROLE;

SELECT segment.drop_population('profile', cascade => true);
DROP OWNED BY next_reader;
DROP ROLE next_reader;
DROP SCHEMA shop_next CASCADE;
