-- Filters and the rule trees of query builders: there and back without loss,
-- what react-querybuilder and jQuery QueryBuilder emit, and bad rules.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS segment;
RESET client_min_messages;
SET search_path = segment, public;

-- the plain form
SELECT jsonb_pretty('city in ("Aarhus", "Odense") and (orders > 3 or not (vip is set and name contains "x"))'::filter::jsonb);
-- each kind of rule, without the group that it stands in
SELECT f AS filter, CASE WHEN (tree -> 'not')::boolean OR tree ? 'count' THEN tree ELSE tree -> 'rules' -> 0 END AS rule
FROM unnest(ARRAY[
    'a = b', 'a > b + 1', 'a between 1 and 5', 'a between b and c.d', 'a between 1 and now', 'a + 1 > 2', 'data.key = 1',
    '`a.b` = 1', '`Upper Case` = true', '5 < a', 'paid', 'not paid', 'exists(orders)', 'true', 'not a > 1',
    'a is not set', 'a not contains all ("x", 1)', 'a in last 30 days', 'a not in this week', 'a more than 2 weeks ago',
    'anniversary of a today', 'anniversary of a in next 7 days', 'anniversary of a in this month',
    'did order', 'did not order where paid at least 3 times in this year', 'did order exactly 1 time since "2026-01-01"',
    'in audience vip', 'not in audience vip', 'bucket("s") <= 10',
    'sum(orders.amount where paid = true) > 500', 'not at least 1 of (a, b)']) WITH ORDINALITY AS t (f, n),
    LATERAL (SELECT f::filter::jsonb AS tree) AS j
ORDER BY n;

-- Every operand in every predicate in every connective survives.
CREATE TEMP TABLE operand (text text);
INSERT INTO operand VALUES
    ('a'), ('data.key'), ('`a.b`'), ('`Odd "name"`'), ('`in`'), ('5'), ('-0.25'), ('1e400'), ('"text"'), ('""'), ('true'),
    ('now'), ('today'), ('30 days'), ('a + b * 2'), ('(a - 1) / -2'), ('coalesce(a, "?")'), ('count(orders)'),
    ('sum(orders.price * quantity where (paid) in last 30 days)'), ('exists(orders where a = 1 and b)'),
    ('sum(orders.price where (paid) to come)'), ('max(orders.price in next 30 days)'), ('count(orders in next quarter)'),
    ('count(distinct orders.orders.x between 2 days and 1 day ago)');
CREATE TEMP TABLE predicate (text text);
INSERT INTO predicate VALUES
    ('%s = 1'), ('%s != "x"'), ('%s < b'), ('%s <= now'), ('%s > true'), ('%s >= -1.5'), ('b = %s'), ('1 != %s'),
    ('%s between 1 and 5'), ('b between %s and c'), ('b not between 1 and %s'), ('%s in (1)'), ('%s not in (1, "a,b", true)'),
    ('%s contains 1'), ('%s not contains "a, b"'), ('%s contains any (1, 2)'), ('%s contains all ("x", "y")'),
    ('%s not contains any ("", "\,")'), ('%s starts with "x"'), ('%s not ends with ""'), ('%s like "%%"'), ('%s not ilike "x"'),
    ('%s matches "[""]"'), ('%s is set'), ('%s is not set'), ('%s is empty'), ('%s is not empty'), ('%s is true'),
    ('%s is not false'), ('%s in last 1 day'), ('%s not in next 30 days'), ('%s more than 2 hours ago'),
    ('%s less than 1 year ago'), ('%s in this week'), ('%s not in last quarter'), ('%s before "2026-01-01"'),
    ('%s after 5'), ('%s on "today"'), ('anniversary of %s today'), ('anniversary of %s in last 2 days'),
    ('anniversary of %s in next 2 days'), ('anniversary of %s in this year');
CREATE TEMP TABLE connective (text text);
INSERT INTO connective VALUES
    ('%s'), ('not (%s)'), ('(%s) and x'), ('x or not (%s) or y'), ('not (x and (%s or y))'), ('at least 2 of (%s, x, y and z)'),
    ('not at least 1 of (not (%s))');
CREATE TEMP TABLE alone (text text);
INSERT INTO alone VALUES
    ('a'), ('data.key'), ('`a.b`'), ('coalesce(a, b)'), ('true'), ('false'), ('exists(orders)'), ('in audience vip'),
    ('in audience `Odd name`'), ('bucket("a""b") < 5'), ('bucket("") >= 0.5'), ('did order'), ('did `Odd name`'),
    ('did order where (paid) in last 30 days'), ('did order where paid in last 30 days at least 2 times'),
    ('did order at most 0 times'),
    ('did order where not (a) and (b or c = 1) exactly 1 time between 2 weeks and 1 week ago'),
    ('did order to come'), ('did order where (paid) in next 2 weeks'), ('did order in next year'), ('did not order so far'),
    ('did order since true'), ('did order before -5'), ('did order in this month');
-- what is written down on both sides is the same for every row, and refused
CREATE FUNCTION pg_temp.varies(predicate text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RETURN predicate::filter IS NOT NULL;
EXCEPTION WHEN syntax_error THEN
    IF SQLERRM NOT LIKE 'condition without a column %' THEN
        RAISE;
    END IF;
    RETURN false;
END $$;
SELECT string_agg(DISTINCT o.text, ' ' ORDER BY o.text) AS fixed, count(*) AS refused
FROM predicate p, operand o WHERE NOT pg_temp.varies(format(p.text, o.text));
SELECT p.text AS never_refused FROM predicate p
WHERE NOT EXISTS (SELECT FROM operand o WHERE NOT pg_temp.varies(format(p.text, o.text))) ORDER BY 1;
SELECT count(*) AS filters,
    count(*) FILTER (WHERE filter::jsonb::filter <> filter) AS lost,
    count(*) FILTER (WHERE filter::text::filter <> filter) AS lost_as_text,
    count(*) FILTER (WHERE jsonb_typeof(filter::jsonb -> 'rules') <> 'array') AS without_group
FROM (SELECT format(c.text, predicate)::filter AS filter
    FROM connective c, predicate p, operand o, format(p.text, o.text) AS predicate WHERE pg_temp.varies(predicate)
    UNION ALL SELECT format(c.text, a.text)::filter FROM connective c, alone a) AS f;

-- what react-querybuilder emits
CREATE FUNCTION pg_temp.read(VARIADIC trees text[]) RETURNS TABLE (read text)
LANGUAGE plpgsql AS $$
DECLARE
    tree text;
    message text;
    detail text;
    hint text;
    context text;
BEGIN
    FOREACH tree IN ARRAY trees LOOP
        BEGIN
            read := tree::jsonb::filter::text;
        EXCEPTION WHEN invalid_parameter_value OR syntax_error THEN
            GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT,
                context = PG_EXCEPTION_CONTEXT;
            read := concat_ws(E'\n', tree, '  ' || message, '  ' || detail, '  ' || nullif(hint, ''),
                '  ' || substring(context FROM '^rule at [^\n]*'));
        END;
        RETURN NEXT;
    END LOOP;
END $$;
SELECT * FROM pg_temp.read(
    '{"combinator": "and", "rules": []}',
    '{"id": "root", "combinator": "or", "not": true, "rules": [
        {"id": "1", "path": [0], "field": "firstName", "operator": "beginsWith", "valueSource": "value", "value": "Stev"},
        {"id": "2", "field": "age", "operator": ">", "value": "28"},
        {"combinator": "and", "rules": [{"field": "a", "operator": "=", "valueSource": "field", "value": "b"}]}]}');
SELECT rule ->> 'operator' AS operator, jsonb_build_object('rules', jsonb_build_array(rule))::filter
FROM jsonb_array_elements('[
    {"field": "f", "operator": "=", "value": "v"}, {"field": "f", "operator": "!=", "value": 5},
    {"field": "f", "operator": "<", "value": 5}, {"field": "f", "operator": ">", "value": 5},
    {"field": "f", "operator": "<=", "value": 5}, {"field": "f", "operator": ">=", "value": 5},
    {"field": "f", "operator": "contains", "value": "v, w"}, {"field": "f", "operator": "beginsWith", "value": "v"},
    {"field": "f", "operator": "endsWith", "value": "v"}, {"field": "f", "operator": "doesNotContain", "value": "v"},
    {"field": "f", "operator": "doesNotBeginWith", "value": "v"}, {"field": "f", "operator": "doesNotEndWith", "value": "v"},
    {"field": "f", "operator": "null", "value": ""}, {"field": "f", "operator": "notNull", "value": null},
    {"field": "f", "operator": "in", "value": "v, w,,x "}, {"field": "f", "operator": "notIn", "value": ["v", 5]},
    {"field": "f", "operator": "in", "value": "a\\,b, c"}, {"field": "f", "operator": "between", "value": "1,5"},
    {"field": "f", "operator": "notBetween", "value": [1, 5]},
    {"field": "f", "operator": "between", "valueSource": "field", "value": "g,h.i"}]') AS rule;
-- and jQuery QueryBuilder
SELECT * FROM pg_temp.read('{"condition": "AND", "rules": [
    {"id": "price", "field": "price", "type": "double", "input": "number", "operator": "less", "value": 10.25},
    {"condition": "OR", "rules": [
        {"id": "category", "field": "category", "operator": "equal", "value": 2},
        {"id": "name", "field": "name", "operator": "not_begins_with", "value": "x"},
        {"id": "category", "field": "category", "operator": "is_null", "value": null}]}], "valid": true}');

-- What is muted or not finished is left out, and what is empty then, too; as
-- the component's exporters do, but that nothing at all is not everybody.
SELECT * FROM pg_temp.read(
    '{"combinator": "or", "rules": [{"field": "a", "operator": "=", "value": 1}, {"field": "b", "operator": "=", "value": 1, "muted": true}]}',
    '{"combinator": "or", "rules": [{"field": "a", "operator": "=", "value": 1}, {"muted": true, "combinator": "and", "rules": [{"of": "any kind"}]}]}',
    '{"combinator": "or", "not": true, "rules": [{"field": "a", "operator": "=", "value": 1}, {"combinator": "and", "not": true, "rules": []}]}',
    '{"combinator": "and", "rules": [{"field": "a", "operator": "=", "value": 1, "muted": false},
        {"combinator": "or", "rules": [{"field": "b", "operator": "null", "muted": true}, {"combinator": "and", "rules": []}]}]}',
    '{"rules": [{"field": "~", "operator": "=", "value": ""}, {"field": "a", "operator": "~", "value": ""}, {"field": "a", "operator": "=", "value": "~"}]}',
    '{"condition": "OR", "rules": [{"id": null, "field": null, "type": null, "input": null, "operator": null, "value": null}, {"empty": true},
        {"field": "a", "operator": "is_null"}], "valid": false}',
    '{"did": "orders", "where": {"combinator": "and", "rules": [{"field": "a", "operator": "null", "muted": true}]}}',
    '{"combinator": "atLeast", "count": 2, "rules": [{"field": "a", "operator": "null"}, {"field": "b", "operator": "null", "muted": true}]}');
SELECT * FROM pg_temp.read(
    '{"combinator": "and", "rules": [], "muted": false}', '{"combinator": "and", "rules": [{"field": "a", "operator": "null", "muted": true}]}',
    '{"muted": true, "combinator": "and", "rules": [{"field": "a", "operator": "null"}]}', '{"field": "~", "operator": "~", "value": ""}',
    '{"combinator": "or", "not": true, "rules": [{"combinator": "and", "rules": []}]}', '{"constant": true}', '{"muted": "no", "rules": []}');
-- a name that reads like a placeholder is none
SELECT tree, tree::filter FROM (SELECT '`~` = 1 and `~`.a = 2'::filter::jsonb) AS t (tree);

-- with something muted and something unfinished in each of its groups, every
-- tree means what it meant
CREATE FUNCTION pg_temp.cluttered(tree jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    IF tree ? 'where' THEN
        tree := jsonb_set(tree, '{where}', pg_temp.cluttered(tree -> 'where'));
    END IF;
    IF tree ? 'rules' THEN
        tree := jsonb_set(tree, '{rules}', '[{"field": "~", "operator": "=", "value": ""}, {"combinator": "or", "rules": []}]'
            || (SELECT jsonb_agg(pg_temp.cluttered(rule) ORDER BY n) FROM jsonb_array_elements(tree -> 'rules') WITH ORDINALITY AS r (rule, n))
            || '[{"field": "muted", "operator": "=", "value": 1, "muted": true}]');
    END IF;
    RETURN tree || '{"id": "x", "path": [1], "disabled": false, "muted": false, "meta": {}}';
END $$;
SELECT count(*) AS trees, count(*) FILTER (WHERE pg_temp.cluttered(filter::jsonb)::filter <> filter) AS differ
FROM (SELECT format(c.text, predicate)::filter AS filter
    FROM connective c, predicate p, operand o, format(p.text, o.text) AS predicate WHERE pg_temp.varies(predicate)
    UNION ALL SELECT format(c.text, a.text)::filter FROM connective c, alone a) AS f;

-- words between the rules: "and" binds tighter than "xor", and that than "or"
SELECT * FROM pg_temp.read(
    '{"rules": [{"field": "a", "operator": "null"}, "or", {"field": "b", "operator": "null"}, "and", {"field": "c", "operator": "null"}]}',
    '{"rules": [{"field": "a", "operator": "null"}, "AND", {"field": "b", "operator": "null"}, "or", {"rules": [{"field": "c", "operator": "null"}], "not": true}]}',
    '{"rules": [{"field": "a", "operator": "null"}, "xor", {"field": "b", "operator": "null"}, "and", {"field": "c", "operator": "null"}, "or", {"field": "d", "operator": "null"}]}',
    '{"rules": [{"field": "a", "operator": "null"}]}',
    '{"rules": [{"field": "a", "operator": "null"}, "and", {"field": "b", "operator": "null", "muted": true}, "or", {"field": "c", "operator": "null"}]}',
    '{"rules": [{"field": "a", "operator": "null", "muted": true}, "or", {"field": "b", "operator": "null"}, "and", {"field": "c", "operator": "null"}]}',
    '{"combinator": "xor", "rules": [{"field": "a", "operator": "null"}, {"field": "b", "operator": "null"}]}',
    '{"combinator": "xor", "rules": [{"field": "a", "operator": "null"}, {"field": "b", "operator": "null"}, {"field": "c", "operator": "null"}]}',
    '{"rules": [{"field": "a", "operator": "null"}, "and"]}', '{"rules": ["and", {"field": "a", "operator": "null"}]}',
    '{"rules": [{"field": "a", "operator": "null"}, "or", {"field": "b", "operator": "null"}, {"field": "c", "operator": "null"}]}',
    '{"rules": [{"field": "a", "operator": "null"}, {"field": "b", "operator": "null"}, "or"]}',
    '{"rules": [{"field": "a", "operator": "null"}, "nor", {"field": "b", "operator": "null"}]}',
    '{"combinator": "or", "rules": [{"field": "a", "operator": "null"}, "or", {"field": "b", "operator": "null"}]}');
-- what is between two words is what the server makes of it
SELECT count(*) AS tried, count(*) FILTER (WHERE tree::filter <> written::filter) AS differ
FROM (SELECT jsonb_build_object('rules', jsonb_build_array(jsonb_build_object('field', 'a', 'operator', 'notNull'), v, jsonb_build_object('field', 'b',
        'operator', 'notNull'), w, jsonb_build_object('field', 'c', 'operator', 'notNull'), x, jsonb_build_object('field', 'd', 'operator', 'notNull'))) AS tree,
        format('a is set %s b is set %s c is set %s d is set', v, w, x) AS written
    FROM unnest(ARRAY['and', 'or']) AS v, unnest(ARRAY['and', 'or']) AS w, unnest(ARRAY['and', 'or']) AS x) AS t;

-- fields on the right, expressions, elements of arrays, numbers of any size,
-- and values whose type the rule tells
SELECT * FROM pg_temp.read(
    '{"field": "a", "operator": "in", "valueSource": "field", "value": ["b", "c.d"]}', '{"field": "a", "operator": "notIn", "valueSource": "field", "value": "b, c"}',
    '{"field": "a", "operator": "NOTIN", "value": "b, c"}', '{"field": "a", "operator": "=", "value": 1, "not": true}',
    '{"field": "discount", "operator": ">", "value": 5, "lhs": {"kind": "func", "fn": "abs", "args": [{"kind": "field", "field": "discount"}]}}',
    '{"field": "price", "operator": "=", "valueSource": "expression", "value": {"kind": "func", "fn": "multiply", "args": [
        {"kind": "field", "field": "quantity"}, {"kind": "value", "value": 2}]}}',
    '{"field": "price", "operator": "between", "valueSource": "expression", "value": [{"kind": "func", "fn": "min", "args": [{"kind": "field", "field": "a"},
        {"kind": "func", "fn": "subtract", "args": [{"kind": "field", "field": "b"}, {"kind": "field", "field": "c"}]}]}, {"kind": "value", "value": "x"}]}',
    '{"field": "tags", "operator": "=", "match": {"mode": "some"}, "value": {"combinator": "and", "rules": [{"field": "", "operator": "=", "value": "vegan"}]}}',
    '{"field": "tags", "operator": "=", "match": {"mode": "none"}, "value": {"combinator": "or", "rules": [{"field": "", "operator": "in", "value": "a, b"},
        {"field": "", "operator": "=", "value": "c"}]}}',
    '{"field": "tags", "operator": "=", "match": {"mode": "atLeast", "threshold": 1}, "value": {"combinator": "and", "rules": [{"field": "", "operator": "in", "value": [1, 2]}]}}',
    '{"field": "tags", "operator": "=", "match": {"mode": "atMost", "threshold": 0}, "value": {"combinator": "and", "rules": [{"field": "", "operator": "=", "value": 1}]}}',
    '{"field": "a", "operator": "in", "value": [{"$bigint": "12345678901234567890123"}, 6]}');
SELECT * FROM pg_temp.read('{"condition": "OR", "rules": [{"id": "price", "operator": "less", "value": 10.25},
    {"id": "n", "field": "n", "type": "integer", "operator": "in", "value": ["1", "2"]}, {"id": "b", "field": "b", "type": "double", "operator": "not_between", "value": ["1.5", "2"]},
    {"id": "vip", "field": "vip", "type": "boolean", "operator": "equal", "value": "1"}, {"id": "s", "field": "s", "type": "string", "operator": "equal", "value": "1"},
    {"id": "d", "field": "d", "type": "date", "operator": "is_not_empty", "value": null}], "not": true, "flags": {"no_delete": true}, "data": {"x": 1}}');
SELECT * FROM pg_temp.read(
    '{"field": "price", "operator": "=", "valueSource": "parameter", "value": "p1"}',
    '{"field": "price", "operator": "=", "valueSource": "expression", "value": {"kind": "parameter", "parameter": "rate"}}',
    '{"field": "price", "operator": "=", "valueSource": "expression", "value": "a + b"}', '{"field": "a", "operator": "=", "value": 1, "lhs": {"kind": "func", "fn": "mo d", "args": [{"kind": "value", "value": 1}]}}',
    '{"field": "tags", "operator": "=", "match": {"mode": "all"}, "value": {"combinator": "or", "rules": [{"field": "", "operator": "=", "value": "c"}]}}',
    '{"field": "tags", "operator": "=", "match": {"mode": "exactly", "threshold": 2}, "value": {"combinator": "or", "rules": [{"field": "", "operator": "=", "value": "c"}]}}',
    '{"field": "tags", "operator": "=", "match": {"mode": "some"}, "value": {"combinator": "and", "rules": [{"field": "", "operator": "=", "value": "c"}, {"field": "", "operator": "=", "value": "d"}]}}',
    '{"field": "tags", "operator": "=", "match": {"mode": "some"}, "value": {"combinator": "and", "rules": [{"field": "x", "operator": "=", "value": "c"}]}}',
    '{"field": "tags", "operator": "=", "match": {"mode": "some"}, "value": "c"}', '{"operand": "\"a\"", "operator": "=", "value": "a"}');

-- a key that may change the meaning is refused, a harmless one is not
SELECT * FROM pg_temp.read(
    '{"field": "a", "operator": "=", "value": 1, "id": "x", "path": [0], "disabled": true, "meta": {"any": "thing"}, "label": "A", "caseSensitive": null}',
    '{"field": "a", "operator": "=", "value": 1, "caseSensitive": false}', '{"field": "a", "operator": "=", "vale": 1}', '{"did": "orders", "atleast": 3}',
    '{"rules": [{"field": "a", "operator": "null"}], "field": "b"}', '{"rules": [{"rules": [{"field": "a", "operator": "null", "negate": true}]}]}',
    '{"combinator": "and", "condition": "or", "rules": []}');
-- the trees of other languages
SELECT * FROM pg_temp.read(
    '{"and": [{"==": [{"var": "a"}, 1]}]}', '{"$and": [{"a": 1}]}', '{"a": {"$gt": 3}}', '{"bool": {"must": [{"term": {"a": 1}}]}}', '{"AND": [{"a": {"gt": 1}}]}',
    '{"type": "group", "properties": {"conjunction": "AND"}, "children1": {}}', '[{"field": "a", "operator": "=", "value": 1}]', '"a = 1"',
    '{"rules": [{"rules": [[1]]}]}');

-- bad rules: which one, and why
SELECT * FROM pg_temp.read(
    '[]', '5', '{}', '{"rules": 5}', '{"rules": ["and"]}', '{"rules": [{"rules": [{"constant": true}, {"rules": [5]}]}]}',
    '{"rules": [{"field": "a", "operator": "=", "value": 1}, {"field": "a", "operator": "beginWith", "value": "x"}]}',
    '{"field": "a", "operator": "~~", "value": 1}', '{"field": "a", "value": 1}', '{"field": 5, "operator": "="}',
    '{"field": "a", "operator": "="}', '{"field": "a", "operator": "=", "value": null}',
    '{"field": "a", "operator": "=", "value": {"x": 1}}', '{"field": "a", "operator": "=", "value": [1]}',
    '{"field": "a", "operator": "beginsWith", "value": 5}', '{"field": "a", "operator": "=", "value": 1e5000}',
    '{"field": "a..b", "operator": "null"}', '{"field": "", "operator": "null"}',
    '{"field": "a", "operand": "b", "operator": "null"}', '{"rules": [{"operand": "a +", "operator": "null"}]}',
    '{"rules": [{"field": "a", "operator": "=", "valueSource": "operand", "value": "sum(orders)"}]}',
    '{"field": "a", "operator": "=", "value": "x", "valueSource": "elsewhere"}',
    '{"field": "a", "operator": "beginsWith", "value": "x", "valueSource": "field"}');
SELECT * FROM pg_temp.read(
    '{"field": "a", "operator": "in", "value": []}', '{"field": "a", "operator": "in", "value": " , "}',
    '{"field": "a", "operator": "in", "value": [null]}', '{"field": "a", "operator": "between", "value": [1]}',
    '{"field": "a", "operator": "between", "value": "1,2,3"}', '{"rules": [{"field": "a", "operator": "inLast", "value": "30 dyas"}]}',
    '{"field": "a", "operator": "inPeriod", "value": "this fortnight"}', '{"field": "a", "operator": "inPeriod"}',
    '{"combinator": "xor", "rules": []}', '{"combinator": "atLeast", "rules": [{"constant": true}]}',
    '{"combinator": "atLeast", "count": 3, "rules": [{"constant": true}]}',
    '{"combinator": "atLeast", "count": 0, "rules": [{"constant": true}]}', '{"not": "yes", "rules": []}',
    '{"did": ""}', '{"did": "x", "atLeast": 0}', '{"did": "x", "atLeast": 1.5}', '{"did": "x", "atLeast": 1, "atMost": 2}',
    '{"did": "x", "where": 5}', '{"did": "x", "where": {"rules": [{"did": "y"}]}}', '{"did": "x", "window": "in last"}',
    '{"bucket": "x", "operator": "=", "value": 3}', '{"bucket": "x", "operator": "<", "value": "3"}',
    '{"audience": "x", "operator": "="}', '{"audience": 5, "operator": "in"}', '{"constant": 1}',
    '{"operand": "a + 1", "operator": "holds"}');

-- long lists and deep trees
SELECT f::jsonb::filter = f AS same
FROM (SELECT ('a in (' || string_agg('"value ' || i || '"', ', ') || ')')::filter AS f
    FROM generate_series(1, 10000) AS i) AS list;
SELECT f::jsonb::filter = f AS same
FROM (SELECT (repeat('not (a or ', 500) || 'b' || repeat(')', 500))::filter AS f) AS nested;
