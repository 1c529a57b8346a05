-- What the filter language understands: each rule of the grammar, its
-- canonical text, and what is said about text that is no filter.
SET client_encoding = 'UTF8';
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS segment;
RESET client_min_messages;
SET search_path = segment, public;

-- The canonical text of what was written.  It is itself a filter, and an
-- equal one.
CREATE FUNCTION pg_temp.canonical(VARIADIC texts text[])
RETURNS TABLE (written text, canonical text)
LANGUAGE plpgsql AS $$
BEGIN
    FOREACH written IN ARRAY texts LOOP
        canonical := written::segment.filter::text;
        IF canonical::segment.filter <> written::segment.filter OR
            canonical::segment.filter::text <> canonical THEN
            RAISE 'the canonical text of % is another filter', written;
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;

-- What is said about what is no filter.
CREATE FUNCTION pg_temp.complaint(VARIADIC texts text[])
RETURNS TABLE (written text, complaint text)
LANGUAGE plpgsql AS $$
DECLARE
    message text;
    detail text;
    hint text;
BEGIN
    FOREACH written IN ARRAY texts LOOP
        BEGIN
            complaint := 'no complaint: ' || written::segment.filter::text;
        EXCEPTION WHEN syntax_error THEN
            GET STACKED DIAGNOSTICS message = MESSAGE_TEXT,
                detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
            complaint := concat_ws(E'\n', message, nullif(detail, ''), nullif(hint, ''));
        END;
        RETURN NEXT;
    END LOOP;
END $$;

-- comparisons
SELECT * FROM pg_temp.canonical(
    'city = ''Aarhus''', 'city = "Aarhus"', 'a=1', 'a != 1', 'a <> 1', 'not a = 1',
    'a<1', 'a <= 1', 'a > 1', 'a >= 1', 'not a > 1', '1 < a', 'a = b', 'a = true');

-- connectives: AND binds tighter than OR, NOT is looser than a comparison
SELECT * FROM pg_temp.canonical(
    'a or b and c', '(a or b) and c', 'a and (b and c)', '(a or b) or c',
    'not a and b', 'not (a and b)', 'not not a', 'not not not a', 'not (not (a or b))',
    '((a))', '((a > 1))', 'true', 'not false', 'A AND Not B OR C',
    'at least 2 of (a, b or c, not d)');

-- arithmetic, to the left
SELECT * FROM pg_temp.canonical(
    'a + b * c > 1', '(a + b) * c > 1', '((a + b)) > 1', 'a - (b - c) > 1', '(a - b) - c > 1',
    'a / b / c = a / (b / c)', 'a - -5 > -5', 'a -5 > - 5', 'now - signed_up > 30 days',
    'signed_up + 1 month < today', '(a + 1) * 2 between (b) and (c + 1)');

-- numbers, by value
SELECT * FROM pg_temp.canonical(
    'a = 1.50', 'a = 007', 'a = .5', 'a = 5.', 'a = -0.0', 'a = 1e3', 'a = 1.5E-3', 'a = 1e400',
    'a = -12.50e400', 'a = 1000000000000000000000000000000', 'a = 100000000000000000000000000000000',
    'a = 0.00000000000000000000000000000012', 'a = 0e99999999999999999999');

-- strings and names
SELECT * FROM pg_temp.canonical(
    'a = ''it''''s''', 'a = "say ""yes"""', 'a = ''say "yes"''', 'a = ""', 'a = "--" -- really',
    'City = `City`', '`city` = `two words`', '`back``quote` = 1', '`in` = 1 and `not` and `true` = true',
    'æble = ''grød'' and ÆBLE', '_x1 = 1', 'a.b.c = 1', 'data.`Key`.in.`0` = 1', 'a . b = 1',
    'a /* one /* two */ */ = /**/ 1 -- end', E'a\n\t=\r\n1');

-- words are special only where they are expected
SELECT * FROM pg_temp.canonical(
    'count > 3', 'last = 5', 'now_x > now', 'sum and min or max', 'set is set', 'contains contains "x"',
    'at in last 30 days', 'at > 5 and at least 1 of (at)', 'anniversary = 1', 'anniversary of anniversary today',
    'bucket = 3', 'day > 5 day', 'audience in ("x")', 'in audience audience', 'did > 3', 'did in (1)',
    'did is set and not did', 'did did', 'more more than 1 day ago', 'distinct > 1', 'before before "x"');

-- predicates
SELECT * FROM pg_temp.canonical(
    'a between 1 and 5', 'a not between 1 and 5 and b', 'not a between b and c',
    'a in (1)', 'a in (1, "two", true, -3)', 'a not in (1, 2)',
    'a contains "x"', 'a contains ("x")', 'a contains any ("x")', 'a contains any "x"', 'a contains ("x", "y")',
    'a contains all ("x", "y")', 'a not contains any ("x", 2)', 'not a contains "x"',
    'a starts with "x"', 'a not ends with "x"', 'a like "x%"', 'a not like "x%"', 'a ilike "x"', 'a matches "^x"',
    'a is set', 'a is not set', 'not a is set', 'a is empty', 'a is not empty', 'a is true', 'a is not false');

-- time
SELECT * FROM pg_temp.canonical(
    'a in last 30 days', 'a in last 1 days', 'a in last 2 Hour', 'a not in last 3 weeks', 'a in next 1 quarter',
    'a in last 0030 days', 'a in this day', 'a in last week', 'a not in next year',
    'a more than 60 days ago', 'a less than 1 second ago', 'not a more than 5 minutes ago',
    'a before "2026-01-01"', 'a after 5', 'a on ''2026-01-01''', 'not a on ''2026-01-01''',
    'anniversary of born today', 'anniversary of born in last 7 days', 'not anniversary of born in next 1 week',
    'anniversary of born in this month', 'anniversary of coalesce(a, b) + 1 day in this week');

-- events: aggregates
SELECT * FROM pg_temp.canonical(
    'count(orders) > 3', 'COUNT(orders) > 3', 'exists(orders)', 'count(distinct orders.city) = 1',
    'sum(orders.price * quantity) > 500', 'sum(orders.price * orders.quantity) > 500',
    'sum((orders.a + b) * 2) > sum(orders.c)', 'first(orders.at) = last(orders.at)',
    'count(orders where status = "paid") > 1', 'count(orders where orders.status = "paid") > 1',
    'count(orders in last 30 days) > 3', 'count(orders in last month) > 3', 'count(orders in this year) > 3',
    'count(orders between 60 days and 30 days ago) > 3', 'count(orders since "2026-01-01") > 3',
    'count(orders before "2026-01-01") > 3', 'sum(orders.x where a or b and c in last 30 days) > 3',
    'list(distinct orders.data.tag) contains "x"', 'most_frequent(orders.orders.orders where orders.orders.x) = 1',
    'count(distinct) > 1', 'count(`distinct` where `where`) > 1', 'sum(`distinct`.x) > 1');

-- events: did
SELECT * FROM pg_temp.canonical(
    'did order', 'did not order', 'not did order', 'not did not order', 'did order in last 30 days',
    'did order at least 3 times', 'did order at least 1 times', 'did order exactly 1 times',
    'did not order at most 0 times in this year', 'did order exactly 2 time since "2026-01-01"',
    'did order where a = 1', 'did order where order.a = 1 at least 2 times between 2 weeks and 1 week ago',
    'did `in` and did not `not`', 'did `Odd name`');

-- WHERE reads on as far as it can: the window behind a complete predicate is
-- the event's, one behind a column is the column's unless parentheses end it
SELECT * FROM pg_temp.canonical(
    'did order where a = 1 in last 30 days', 'did order where at in last 30 days',
    'did order where (at) in last 30 days', 'did order where at in last 30 days in last 60 days',
    'did order where b = 1 and not (paid) in last 30 days', 'did order where a or (paid) before "x"',
    'did order where a before "x" before "y"', 'did order where (a + b) in last 30 days',
    'did order where a = 1 and b', '(did order where a = 1) and b', 'c and (did order where a = 1)',
    '(did not order where a = 1) or b', '(c and (did order where a = 1)) or b',
    'did order where a = 1 in last 30 days and b', 'did order where a = 1 at least 2 times or b');

-- membership and chance
SELECT * FROM pg_temp.canonical(
    'in audience vip', 'not in audience vip', 'in audience `Very Important`', 'in audience VIP',
    'bucket("test") < 10', 'bucket(''test'') >= 12.50', 'not bucket("a""b") <= 5');

-- functions
SELECT * FROM pg_temp.canonical(
    'coalesce(city, "?") = Lower("X")', 'abs(a - b) > 1', 'is_vip(a)', 'greatest(1, (2), a + 1) > 1');

-- what the parser understood
SELECT repeat('  ', depth) || node AS node, text
FROM segment.filter_tree('city not in ("Aarhus", "Odense") and (a + 1 > b * -2 or data.key)');
SELECT repeat('  ', depth) || node AS node, text
FROM segment.filter_tree('sum(orders.price * quantity where paid = true in last 30 days) > 100');
SELECT repeat('  ', depth) || node AS node, text
FROM segment.filter_tree('did not order where (paid) at least 2 times between 2 months and 1 day ago');
SELECT repeat('  ', depth) || node AS node, text
FROM segment.filter_tree('not at least 1 of (x in this week, anniversary of y in last 3 days, bucket("s") < 5, in audience z)');

-- the word, its place, and what was expected
SELECT * FROM pg_temp.complaint(
    'city = ''a'' adn b = 1', 'city contans ''x''', 'city not 5', 'city is nul', 'city is null', 'city = null',
    '', '  -- nothing', 'a =', 'a = 1 and', 'and a', 'a = 1 or or b', 'a + 1', 'a + 1 and b', '5', '"x" or b', 'not 5',
    'a b', 'a = b = c', 'a = (b = c)', '(a = 1) = true', 'a = -b');
SELECT * FROM pg_temp.complaint(
    '(a + 1', '(a = 1 b', 'a > 1) and b', '()', 'a = "x', 'a = ''x', '`x', '`` = 1', 'a /* x', '/* /* */ a',
    'a == 1', 'a && b', 'a || b', '!a', 'a = 1; b', 'a = {1}', 'a.5 = 3', 'a. = 3', 'æøå = ''ø'' # 1');
SELECT * FROM pg_temp.complaint(
    'a in', 'a in ()', 'a in (1, b)', 'a in (1 2)', 'a in lst 30 days', 'a in last', 'a in last days',
    'a in last 30 dyas', 'a in last 1.5 days', 'a in last 0 days', 'a in last 1000000000 days', 'a in last -1 days',
    'a in this fortnight', 'a in this hour', 'a in audience vip', 'in > 3', 'in audience', 'in audience "vip"',
    'a more than 3 days', 'a more 3 days ago', 'a before b', 'a starts wth "x"', 'a starts with 5', 'a like b',
    'a contains b', 'a contains ()', 'a between 1', 'a between 1 or 2', 'a is not', 'a is like',
    'anniversary of x yesterday', 'anniversary of x in last month', 'anniversary of x in this fortnight');
SELECT * FROM pg_temp.complaint(
    'count() > 3', 'sum(orders) > 3', 'count(distinct orders) > 3', 'sum(5) > 3', 'sum(price * orders.x) > 3',
    'sum(orders.price wher x = 1) > 3', 'count(orders in 3 days) > 1', 'count(orders in last 3 days where x) > 1',
    'count(orders where x + 1) > 1', 'count(orders where x = 1 foo) > 1', 'count(orders since x) > 1',
    'sum(count(orders)) > 3', 'count(orders where count(x) > 1) > 1', 'did order where did visit',
    'did order whre a = 1', 'did order at leest 3 times', 'did order at least 0 times', 'did order at least 3',
    'did order at least 1.5 times', 'did order exactly many times', 'did order between 3 days and 5 days');
SELECT * FROM pg_temp.complaint(
    'at least 3 of (a, b)', 'at least 0 of (a)', 'at least two of (a)', 'at least 2 of (a, b', 'at least 1 of a',
    'bucket(5) < 3', 'bucket("x") = 3', 'bucket("x") < a', '5 > bucket("x")', 'coalesce() > 3', 'coalesce(a b) > 3',
    'coalesce(a = 1)', 'now() > a', 'between(a) > 1', 'a = 12abc', 'a = 30days', 'a = 1e5000', 'a = 1e-5000', 'a = 1e99999999999999999999');

-- long words are shortened
SELECT complaint FROM pg_temp.complaint('a = 1 ' || repeat('ø', 100), 'a = ''' || repeat('x', 100));

-- where there is no literal to point at, a caret points into the filter
SELECT text::segment.filter FROM (VALUES (lower('CITY = ''ø'' AND ORDERS < > 3'))) AS t (text);

-- nested as deep as the stack allows, and no crash beyond
SELECT (repeat('(', 1000) || 'a' || repeat(')', 1000))::segment.filter;
SELECT length((repeat('not (a or ', 500) || 'b' || repeat(')', 500))::segment.filter::text);
CREATE FUNCTION pg_temp.too_deep(text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM $1::segment.filter;
    RETURN 'accepted';
EXCEPTION WHEN statement_too_complex THEN
    RETURN SQLERRM;
END $$;
SELECT pg_temp.too_deep(repeat('(', n) || 'a' || repeat(')', n)),
    pg_temp.too_deep(repeat('(', n)),
    pg_temp.too_deep(repeat('not (b and ', n) || 'a' || repeat(')', n)),
    pg_temp.too_deep(repeat('abs(', n) || 'a' || repeat(')', n)),
    pg_temp.too_deep('1 = ' || repeat('(', n) || 'a' || repeat(')', n)),
    pg_temp.too_deep('a' || repeat(' + a', n) || ' > 1'),
    pg_temp.too_deep(repeat('at least 1 of (', n))
FROM (VALUES (100000), (1000000)) AS v (n);
SELECT (repeat('not ', 1000001) || 'a')::segment.filter;

-- long lists, in a time that grows with their length only
SET statement_timeout = '60s';
SELECT n, f = text::segment.filter AS same, length(text)
FROM (VALUES (10000), (100000)) AS v (n),
    LATERAL (SELECT ('a in (' || string_agg('"value ' || i || '"', ', ') || ')')::segment.filter AS f
        FROM generate_series(1, n) AS i) AS list,
    LATERAL (SELECT f::text AS text) AS printed;
SELECT count(*) FROM segment.filter_tree((SELECT string_agg('a = ' || i, ' or ')
    FROM generate_series(1, 1000) AS i)::segment.filter);
SELECT length((SELECT string_agg('(a = ' || i || ' and b)', ' or ')
    FROM generate_series(1, 100000) AS i)::segment.filter::text);
RESET statement_timeout;
