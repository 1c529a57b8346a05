-- audience: what moves with the clock may come to the end of the calendar, or of all
-- numbers, by the passing of time; it is missing from then on, or was until then
CREATE SCHEMA shop_ends;
SET search_path = shop_ends;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-01-01 12:00+00';

CREATE TABLE customers (customer_id bigint PRIMARY KEY, born date, wait interval, factor numeric, more numeric);
-- of this zone all editions of the zone data say the same, in 4714 BC, too
SELECT segment.create_population('profile', timezone => 'Europe/Berlin');
SELECT segment.attach_source('customers');
SELECT segment.create_trait(c, 'customers.' || c) FROM unnest(ARRAY['born', 'wait', 'factor', 'more']) AS c;
INSERT INTO customers VALUES
    -- an hour and two days until the calendar ends for what is that much later
    (1, '2025-12-31', timestamptz '294276-12-31 23:59:59.999999+00' - timestamptz '2026-01-01 13:00+00', 4e131071, 0),
    (2, '2025-12-30', timestamptz '294276-12-31 23:59:59.999999+00' - timestamptz '2026-01-03 12:00+00', 9e131071, 5e131071),
    -- and it begins for what is so much earlier
    (3, '2026-01-04', timestamptz '4714-11-24 00:00+00 BC' - timestamptz '2026-01-03 18:00+00', -9e131071, 9.9999e131071),
    (4, '2026-01-01', '292250 years 11 months', 1e131071, repeat('9', 131072)::numeric - 3),
    (5, 'infinity', '100 years', 1e300, NULL);

-- members that are stored follow
SELECT segment.create_audience('within', 'now + wait > "1000-01-01" or now + wait < "1000-01-01"');
SELECT segment.create_audience('countable', 'days_between(born, today) * factor is set');
CREATE FUNCTION days(OUT at timestamptz, OUT within bigint[], OUT countable bigint[], OUT the_same boolean)
RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
    FOR at IN SELECT generate_series('2026-01-01 12:00+00', '2026-01-06 12:00+00', interval '12 hours') LOOP
        PERFORM set_config('segment.now', at::text, true);
        PERFORM segment.tick();
        within := ARRAY(SELECT m::bigint FROM segment.members('within') AS m(m bigint) ORDER BY 1);
        countable := ARRAY(SELECT m::bigint FROM segment.members('countable') AS m(m bigint) ORDER BY 1);
        the_same := within = ARRAY(SELECT customer_id FROM profile p WHERE p @@ 'now + wait > "1000-01-01" or now + wait < "1000-01-01"' ORDER BY 1)
            AND countable = ARRAY(SELECT customer_id FROM profile p WHERE p @@ 'days_between(born, today) * factor is set' ORDER BY 1);
        RETURN NEXT;
    END LOOP;
END $$;
SELECT * FROM days();
SELECT * FROM segment.verify();

-- the anniversaries of the last day of all
INSERT INTO customers (customer_id, born) VALUES (6, '5874897-12-31'), (7, '4714-11-24 BC'), (8, '5874897-01-02');
SET segment.now = '2026-11-24 12:00+00';
SELECT segment.create_audience('feted', 'anniversary of born in next 60 days');
SELECT * FROM segment.members('feted') AS m(customer_id bigint) ORDER BY 1;
SELECT customer_id, segment.next_change('feted', customer_id) FROM profile WHERE customer_id > 5 ORDER BY 1;
SELECT segment.has_anniversary(born, '5874897-06-01', '5874897-12-31') FROM customers WHERE customer_id > 5 ORDER BY customer_id;
DELETE FROM customers WHERE customer_id > 5;

-- when does the filter change: asked again and again, it must be there where the filter
-- on the row is another, and nowhere else
CREATE FUNCTION turns(asked text, who bigint, OUT filter text, OUT customer bigint, OUT starts text, OUT changes text, OUT wrong bigint)
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := '2026-01-01 12:00+00';
    until timestamptz := '2026-01-08 12:00+00';
    next timestamptz;
    was boolean;
    is_now boolean;
    looks bigint := 0;
BEGIN
    PERFORM set_config('segment.now', at::text, true);
    PERFORM segment.create_audience('asked', asked::segment.filter, view => false);
    filter := asked;
    customer := who;
    wrong := 0;
    was := coalesce((SELECT p @@ asked::segment.filter FROM profile p WHERE customer_id = who), false);
    starts := was::text;
    changes := '';
    LOOP
        next := segment.next_change('asked', who);
        looks := looks + 1;
        EXIT WHEN looks > 200;
        -- each quarter of an hour before, and the last microsecond
        FOR at IN SELECT t FROM generate_series(at, least(next, until) - interval '1 microsecond', '15 minutes') t
            UNION SELECT least(next, until) - interval '1 microsecond'
        LOOP
            PERFORM set_config('segment.now', at::text, true);
            is_now := coalesce((SELECT p @@ asked::segment.filter FROM profile p WHERE customer_id = who), false);
            wrong := wrong + (is_now <> was)::int;
        END LOOP;
        EXIT WHEN next >= until OR next IS NULL;
        at := next;
        PERFORM set_config('segment.now', at::text, true);
        is_now := coalesce((SELECT p @@ asked::segment.filter FROM profile p WHERE customer_id = who), false);
        IF is_now <> was THEN
            changes := changes || CASE WHEN is_now THEN ' in ' ELSE ' out ' END || to_char(at, 'DD HH24:MI:SS.US');
        END IF;
        was := is_now;
    END LOOP;
    IF looks > 200 THEN
        changes := changes || ' ...';
    END IF;
    PERFORM segment.drop_audience('asked');
END $$;

SELECT t.* FROM unnest(ARRAY[
    'now + wait > "1000-01-01"', 'now + wait < "2500-01-01"', 'now + wait is set', 'not (now + wait > "1000-01-01")',
    'coalesce(now + wait, "1000-01-01") > "1000-01-01"', 'today + wait > "1000-01-01"',
    'days_between(born, today) * factor != 0', 'days_between(born, today) * factor is set',
    'days_between(born, today) + more > 0', 'days_between(born, today) - more < 0',
    'days_between(born, today) * factor + more > 0', 'greatest(days_between(born, today) * factor, 3) > 3'
    ]) AS f, generate_series(1, 5) AS who, turns(f, who) AS t;

SET client_min_messages = warning;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_ends CASCADE;
