-- A value among several: case chooses by conditions, band by bounds.
SET search_path = segment, public;
CREATE TEMP TABLE guests (name text, points int, paid numeric, active boolean, city text, seen timestamptz, born date, extra jsonb);
INSERT INTO guests VALUES
    ('Ada', 2400, 0.5, true, 'Aarhus', '2026-01-10 12:00+00', '1990-05-01', '{"size": 12}'),
    ('Ben', 2000, 99, false, 'Odense', '2026-02-01 00:00+00', '1980-05-01', '{"size": 3}'),
    ('Cleo', 1999, NULL, NULL, NULL, NULL, NULL, '{"size": "big"}'),
    ('Dora', 499, 500, true, 'Aarhus', '2025-12-31 23:59+00', '2001-05-01', NULL),
    ('Eve', 0, 0, false, 'Skive', 'infinity', '1999-05-01', '{}'),
    ('Finn', -1, -1, true, 'Odense', '-infinity', '1999-05-01', '{"size": 0}'),
    ('Gus', NULL, NULL, false, NULL, NULL, NULL, NULL);

-- text, canonical; each is read back as what it was
SELECT f::filter AS filter, f::filter = f::filter::text::filter AS same, f::filter = f::filter::jsonb::filter AS rules
FROM unnest(ARRAY[
    'CASE WHEN points > 9 OR active THEN "x" WHEN (did orders where paid) THEN city ELSE "z" END = "x"',
    'case when active then active end', 'not case when active then active else extra.ok end',
    '(case when active then 1 end + 2) * 3 > points', 'points between case when active then 1 else 2 end and 9',
    'case when (paid) in last 30 days then seen end in last 30 days',
    'case when a then case when b then 1 end else case when c then 2 else 3 end end in (1, 2)',
    'case = 1 or case.key = 2 or case(1, when) = 3', 'case when when then then when `case` then else else end end > 1',
    'sum(case when orders.status = "paid" then orders.amount else 0 end where case when a then b end in last 30 days) > 4',
    'count(distinct case when orders.paid then orders.product end) > 1', 'case when in audience vip then 1 else 0 end = 1',
    'band(points, 0, "bronze", 500, "silver") != "bronze"', 'band(points - 1, -5, 1, 0.5, 2, 1e3, 3) > 1']) AS f;
SELECT 'case when points > 9 then "x" else city end = "x" and band(points, 0, 1) = 1'::filter::jsonb;
SELECT * FROM filter_tree('case when points > 9 then "x" else city end = "x"');
SELECT filter_send('case when a then 1 end > 0');

-- what was meant
CREATE FUNCTION pg_temp.complaint(f text, OUT problem text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM filter_sql(f::filter, 'guests');
    problem := 'none';
EXCEPTION WHEN syntax_error OR datatype_mismatch OR invalid_parameter_value OR undefined_function OR undefined_column THEN
    GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;
SELECT c.* FROM unnest(ARRAY[
    'case city when "Aarhus" then 2 when "Odense" then case when active then 1 end else 0 end > 1',
    'points > 1 and (case lower(city) when "aarhus" then active end)', 'case when active then 2 end', 'case when 1 = 1 then 2 end > 1',
    'case when active then 2 > 1', 'case when active end > 1', 'case when active the 2 end > 1', 'case when active then 2 els 3 end > 1',
    'case when active then 2 else 3 > 1', 'case when points then 2 end > 1', 'case when active then points else city end = 1',
    'case when active then 1 else "one" end = 1', 'case when actve then 1 end = 1', 'case points > 1 when true then 1 end = 1',
    'band(points, 0, "bronze", 500) = "bronze"', 'band(points) = 1', 'band(points, 0, 1, paid, 2) = 1', 'band(points, 0, 1, 500, paid) = 1',
    'band(points, 0, 1, 500, "two") = 1', 'band(points, 0, 1, "500", 2) = 1', 'band(points, 0, 1, 500, 2, 500, 3) = 1',
    'band(points, 0, 1, 2.5, 2, 2, 3) = 1', 'band(city, "B", 1, "A", 2) = 1', 'band(active, 0, 1) = 1', 'band(points, "low", 1) = 1',
    'band(seen, "2026-02-01", 1, "2026-01-31", 2) = 1', 'width_bucket(points, 0, 1000, 5) = 2']) WITH ORDINALITY AS f (f, n),
    LATERAL pg_temp.complaint(f) AS c ORDER BY n;

-- what the server runs: limits of what is compared, where constants are chosen
SELECT f, filter_sql(f::filter, 'guests', 'UTC') FROM unnest(ARRAY[
    'case when points > 9 then 1.5 when active then points end > 1', 'case when active then city when points > 1 then "x" end = "x"',
    'case when active then seen else "2026-01-01" end > now', 'case when active then active else extra.ok end',
    'case when points > 9 then "x" when points > 3 then "y" else "z" end = "z"',
    'case when points > 3 then "x" when points > 9 then "y" else "z" end in ("y", "z")',
    'case when city = "Aarhus" then 2 when city = "Odense" then 1 else 0 end >= 1',
    'band(points, 0, "bronze", 500, "silver", 2000, "gold") = "silver"', 'band(points, 0, "bronze", 500, "silver", 2000, "gold") != "silver"',
    'band(points, 0, "bronze", 500, "silver", 2000, "gold") in ("silver", "gold", "tin")',
    'band(points, 0, "bronze", 500, "silver", 2000, "gold") in ("bronze", "gold")',
    'band(points, 0, "bronze", 500, "silver", 2000, "gold") = "tin"', 'band(points, 0, "bronze", 500, "silver", 2000, "gold") is set',
    'band(points, 0, "bronze", 500, "silver", 2000, "gold") is not set', 'lower(band(points, 0, "Bronze", 500, "Silver")) starts with "s"',
    'band(points, 0, 1, 500, 2) + 1 > 2', 'band(points, 0, 1, 500, 2) > points', 'band(points, 0, false, 500, true)', 'not band(points, 0, false, 500, true)',
    'band(seen, "2026-01-01", "new", "2026-02-01", "newer") = "new"', 'band(born, "1980-01-01", 1, "1990-01-01", 2) <= 1',
    'band(now - seen, 1 day, "fresh", 2 weeks, "stale") = "fresh"', 'band(extra.size, 0, "S", 10, "L") = "S"', 'band(paid, 0, 1, 0.5, 2) = 1',
    'band(points, 0, 1, 3000000000, 2) = 1', 'band(city, "A", 1, "P", 2) = 1', 'at least 2 of (points > 1, active, band(points, 0, 1, 5, 2) = 2)']) AS f;

-- and what it means.  Whoever has no points is in no band, and "not" is the exact complement
SELECT f, (SELECT string_agg(name, ' ' ORDER BY name) FROM guests g WHERE g @@ f::filter) AS members,
    (SELECT string_agg(name, ' ' ORDER BY name) FROM guests g WHERE g @@ ('not (' || f || ')')::filter) AS others
FROM unnest(ARRAY[
    'band(points, 0, "bronze", 500, "silver", 2000, "gold") = "bronze"', 'band(points, 0, "bronze", 500, "silver", 2000, "gold") in ("gold", "silver")',
    'band(points, 0, "bronze", 500, "silver", 2000, "gold") != "silver"', 'band(points, 0, "bronze", 500, "silver", 2000, "gold") is not set',
    'band(points, 0, 1, 500, 2, 2000, 3) between 1 and 2', 'band(points, 0, 1, 500, 2, 2000, 3) * 2 < points', 'band(paid, 0, 1, 0.5, 2, 500, 3) = 2',
    'band(points, 0, true)', 'band(extra.size, 0, "S", 10, "L") = "S"', 'band(seen, "2026-01-01", "new", "2026-02-01", "newer") = "new"',
    'band(born, "1980-01-01", 1, "1990-01-01", 2) = 1', 'case when points > 400 then "a" when active then "b" else "c" end = "b"',
    'case when points > 400 then "a" when points > -1 then "b" else "c" end = "c"', 'case when points > 400 then "a" when points > -1 then "b" end != "c"',
    'case when active is not set then 1 when points >= 2000 then points - 1999 end = 1', 'case when active then city end starts with "A"',
    'case when active then points end is set']) AS f;
-- the same with the filter not known when the query is planned
SELECT f, (SELECT string_agg(name, ' ' ORDER BY name) FROM guests g WHERE g @@ f) AS members
FROM unnest(ARRAY['band(points, 0, "bronze", 500, "silver") = "bronze"', 'case when active then 1 else points end = 1']::filter[]) AS f;
CREATE INDEX ON guests (points);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT name FROM guests g WHERE g @@ 'band(points, 0, "bronze", 500, "silver", 2000, "gold") = "silver"';
RESET enable_seqscan;
