-- Who writes a filter as one says it elsewhere, or in SQL, is told how it is
-- written here: the whole text again, which is a filter then.  Each hint is
-- tried as it is printed.
SET search_path = segment, public;
CREATE FUNCTION pg_temp.advised(VARIADIC texts text[])
RETURNS TABLE (written text, hint text, read text)
LANGUAGE plpgsql AS $$
BEGIN
    FOREACH written IN ARRAY texts LOOP
        hint := NULL;
        read := NULL;
        BEGIN
            PERFORM written::filter;
            hint := '(none is needed)';
        EXCEPTION WHEN syntax_error THEN
            GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
        END;
        IF hint ~ ': ' THEN
            BEGIN
                read := substring(hint FROM ': (.*)')::filter::text;
            EXCEPTION WHEN syntax_error THEN
                read := '!! ' || SQLERRM;
            END;
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;

-- spans
SELECT * FROM pg_temp.advised(
    'ts in the last 30 days', 'ts not in the last 30 days and b', 'ts is in the past 2 weeks or b', 'ts in previous 1 hour',
    'not ts within the last 30 days', 'ts in the next 7 days', 'ts within next 2 weeks', 'ts during the coming 2 weeks',
    'ts within 30 days', 'ts not within 30 days', 'ts last 30 days', 'ts the past 30 days', 'ts next 7 days', 'ts since 30 days',
    'ts since 30 days ago', '(a or ts in the last 1 day) and b');
-- periods and days
SELECT * FROM pg_temp.advised(
    'ts in the last month', 'ts in previous week', 'ts in the last hour', 'ts within this quarter', 'ts is in the current year',
    'ts in the next month', 'ts last week', 'ts this month', 'ts next year', 'ts yesterday', 'ts is today', 'ts on tomorrow',
    'ts before today', 'ts before tomorrow', 'ts before now', 'ts after today', 'ts after yesterday', 'ts after now', 'ts since today',
    'ts since yesterday', 'count(orders since today) > 1', 'count(orders since yesterday) > 1');
-- how long ago
SELECT * FROM pg_temp.advised(
    'ts older than 30 days', 'ts is older then 30 days ago or b', 'ts over 2 years ago', 'ts before 30 days ago',
    'ts earlier than 1 week ago', 'ts newer than 30 days', 'ts is younger than 5 minutes', 'ts after 30 days ago',
    'ts is more than 30 days ago', 'ts more than 30 days', 'ts less than 30 days', 'ts between 60 days and 30 days ago',
    'ts at least 30 days ago', 'ts is at most 2 weeks ago or b', 'ts before last month', 'ts after next 2 weeks',
    'ts > 30 days ago', 'ts = 1 day ago or b', '30 days ago', 'a and 30 days ago', 'in last 30 days', 'in the next 2 weeks',
    'ts more than a month ago', 'ts is less than one week ago');
-- of events
SELECT * FROM pg_temp.advised(
    'count(orders in the last 30 days) > 3', 'count(orders last 30 days) > 3', 'count(orders within 30 days) > 3',
    'count(orders where a = 1 during the last 2 weeks) > 3', 'sum(orders.amount since 30 days ago) > 3',
    'count(orders after 30 days ago) > 3', 'count(orders in the current month) > 3', 'count(orders last month) > 3',
    'count(orders today) > 3', 'count(orders after "2026-01-01") > 3', 'count(orders until "2026-01-01") > 3',
    'did orders in the last 30 days', 'did not orders within 30 days', 'did orders last 30 days', 'did orders yesterday',
    'did orders 3 times', 'did orders 3 or more times', 'did orders 3 times or more', 'did orders more than 3 times in last 30 days',
    'did orders fewer than 3 times', 'did orders at least once', 'did orders at most once', 'did orders exactly once', 'did orders once',
    'did orders at least twice', 'did orders at most twice', 'did orders twice', 'did 3 orders', 'did never orders', 'did no orders',
    'did an orders and b', 'count of orders > 3', 'number of orders in the last 30 days > 3', 'count of distinct orders.city > 1',
    'how many orders > 2', 'orders count > 3', 'sum orders.amount > 3', 'total of orders.amount > 3', 'average orders.amount > 3',
    'maximum of orders.amount > 3', 'lowest orders.amount < 3', 'latest orders.city = "x"', 'first orders.city = "x"', 'exists orders');
-- one of several
SELECT * FROM pg_temp.advised(
    'tags contains one of ("a", "b")', 'tags has any of ("a", ''b'')', 'tags include either ("a", "b")', 'tags has all of ("a", "b")',
    'tags includes none of ("a", "b")', 'tags does not contain any ("a", "b")', 'tags do not have all of ("a", "b")',
    'city one of ("a", "b")', 'city is one of ("a", "b")', 'city is not one of ("a", "b")', 'city is none of ("a", "b")',
    'city any of ("a", "b")', 'city in ["a", "b"]', 'city not in {"a"}', 'city is in ("a", "b")', 'city is not in ("a", "b")',
    'city = any ("a", "b")', 'city <> all ("a", "b")', 'city = ("a", "b")', 'city != ["a", "b"]', 'tags contains ["a", "b"]',
    'a in 5', 'a not in -5 and b');
-- text
SELECT * FROM pg_temp.advised(
    'tags has "x"', 'tags includes "x"', 'city does not contain "x"', 'tags not include "x"', 'city begins with "x"',
    'city does not start with "x"', 'city not begins with "x"', 'city end with "x"', 'city does not end with "x"', 'city match "x"',
    'city does not match "x"', 'city is like "x%"', 'city is not like "x%"', 'city in (Aarhus, "x")', 'city starts with Jo');
-- missing
SELECT * FROM pg_temp.advised(
    'city is null', 'city is not null or b', 'city = null', 'city == null', 'city != null', 'city <> NULL', 'city is missing',
    'city is not missing', 'city is unknown', 'city is present', 'city is not present', 'city exists', 'city does not exist',
    'city missing', 'has city', 'have city and b', 'has no city', 'missing city', 'no city or b', 'city in (null)');
-- comparisons
SELECT * FROM pg_temp.advised(
    'a equals 5', 'a equal to b', 'a is equal to 5', 'a not equal to 5', 'a is not equal to b', 'a does not equal 5', 'a is 5', 'city is not "x"',
    'a greater than 5', 'a is greater than b', 'a more than 5', 'a less than -5', 'a is lower than 5', 'a above 5', 'a exceeds b', 'a is below 5',
    'a is greater than or equal to 5', 'a less than or equal to 5', 'a at least 5', 'a is at most 5', 'a between 3 to 5', 'a between 3 - 5',
    'a between (3, 5)', 'a between 3, 5', 'a is between 1 and 5', 'a is not between 1 and 5', 'a from 3 to 5', 'ts is before "2026-01-01"',
    'ts is after "2026-01-01"', 'ts is on "2026-01-01"', 'city is Aarhus', 'city is not Aarhus and b', 'city not "x"',
    'city = "x" or "y"', 'city = "x" or ''''', 'city = "x" or ''"y"''');
-- symbols
SELECT * FROM pg_temp.advised(
    'a == 5', 'a = 1 && b', 'a = 1 || b', '!a', '!(a and b)', 'a => 5', 'a =< 5', 'a < > 5', 'now() > a', 'a > today()',
    'a = 1 xor b', '{"field": "a"}', '[1]');
-- audiences and what begins a clause
SELECT * FROM pg_temp.advised(
    'in vip', 'not in vip', 'a and in vip', 'is in audience vip', 'is in segment vip', 'member of vip', 'member of the audience vip',
    'customer in audience vip', 'customer is not in audience vip', 'anniversary born today', 'at least one of (a, b)', 'any of (a, b)',
    'none of (a, b)', 'in audience "vip"', 'a and not in audience ''My VIPs''', 'where a = 1', 'if not a', 'in > 3', 'a = 1 and between < 5');
-- slips
SELECT * FROM pg_temp.advised(
    'a adn b', 'city contans "x"', 'ts in lst 30 days', 'ts in last 30 dyas', 'city strats with "x"', 'count(orders wher a) > 1',
    'did orders at leest 3 times', 'did orders 3 tmes');
-- of a text that is long or has several lines only the word
SELECT left(written, 20) AS written, hint FROM pg_temp.advised(E'a = 1\nadn b', 'a = 1 adn ' || repeat('b and ', 50) || 'c');

-- a condition without a column is no filter but true or false; in double
-- quotes a name is a string
SELECT * FROM pg_temp.advised(
    '"revenue" > 40', '40 < "revenue"', '"Revenue" > 40 and b', 'a = 1 or "city" in ("Aarhus", "Odense")', 'not "city" contains "x"',
    '"city" = "Aarhus"', 'lower("city") = "aarhus"', '"my column" is set', '"last_order_at" in last 30 days',
    '"last_order_at" more than 30 days ago', 'anniversary of "born" today', 'count(orders where "status" = "paid") > 3',
    '"payload.size" = "M"', '1 = 1', '1 + 1 != 2', '"5" > 3', 'true = true', 'true is true', '5 between 1 and 10', '30 days > 2 weeks',
    'anniversary of "2020-12-24" today');
SELECT '"revenue" > 40'::filter;
-- where a column, an event or the clock has a part in it, it is one
SELECT f::filter FROM unnest(ARRAY['"x" = city', '5 between a and b', 'now > "2026-01-01"', 'month(today) = 12', '3 < count(orders)',
    'true', 'false', 'at least 1 of (true, a)', 'coalesce(a, true)']) AS f;
-- what is to come, and what is not
SELECT * FROM pg_temp.advised(
    'count(orders in the next 7 days) > 1', 'count(orders within the coming 2 weeks) > 1', 'count(orders next month) > 1',
    'did orders in the future', 'did orders from now on', 'did not orders after now', 'sum(orders.a still to come) > 1',
    'sum(orders.a to date) > 1', 'did orders up to now', 'did orders till now', 'did orders tomorrow');
