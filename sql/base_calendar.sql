-- Days and spans on the clock of a place: what filters and windows are made of.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

-- a day begins at the first instant that bears its date
SELECT zone, why, day, segment.day_start(day, zone), segment.day_start(day, zone) AT TIME ZONE zone AS there,
    segment.day_start(day + 1, zone) - segment.day_start(day, zone) AS lasts
FROM (VALUES
    ('Europe/Copenhagen', date '2026-03-29', 'an hour less'), ('Europe/Copenhagen', '2026-10-25', 'an hour more'),
    ('America/Sao_Paulo', '2018-11-04', 'no midnight'), ('America/Havana', '2023-11-05', 'two midnights'),
    ('America/St_Johns', '2010-11-07', 'yesterday''s date comes again'), ('Australia/Lord_Howe', '2028-04-02', 'half an hour more'),
    ('Pacific/Apia', '2011-12-30', 'there was no such day'), ('Pacific/Kwajalein', '1993-08-21', 'nor this one'),
    ('Asia/Kathmandu', '2026-01-01', 'it is never set')) v(zone, day, why);

-- each instant is in one day, and no later one in an earlier day
SELECT zone, at, segment.local_day(at, zone), at AT TIME ZONE zone AS there
FROM (VALUES
    ('America/Havana', timestamptz '2023-11-05 03:59:59.999999+00'), ('America/Havana', '2023-11-05 04:00+00'), ('America/Havana', '2023-11-05 05:00+00'),
    ('America/St_Johns', '2010-11-07 02:29:59.999999+00'), ('America/St_Johns', '2010-11-07 02:30+00'), ('America/St_Johns', '2010-11-07 02:31+00'),
    ('America/St_Johns', '2010-11-07 03:30+00'), ('Pacific/Apia', '2011-12-30 09:59:59.999999+00'), ('Pacific/Apia', '2011-12-30 10:00+00')) v(zone, at);
SELECT segment.local_day('infinity', 'UTC'), segment.local_day('-infinity', 'UTC'), segment.day_start('infinity', 'UTC'), segment.day_start('-infinity', 'UTC');

-- a span is added as the server adds it there: what is not on the clock is after the hour
-- that is missing, what comes twice is the second time
SET timezone = 'Europe/Copenhagen';
SELECT at, span, segment.date_add(at, span, 'Europe/Copenhagen'), segment.date_add(at, span, 'Europe/Copenhagen') = at + span AS as_the_server,
    segment.date_add(at, span) = at + span AS in_the_session
FROM (VALUES
    (timestamptz '2026-01-30 12:00+01', interval '1 month'), ('2026-01-31 08:00+01', '1 month'), ('2028-02-29 12:00+01', '1 year'),
    ('2026-03-28 02:30+01', '1 day'), ('2026-10-24 02:30+02', '1 day'), ('2026-10-25 02:30+02', '1 day'), ('2026-10-25 02:30+02', '24 hours'),
    ('2026-03-31 12:00+02', '-1 month'), ('2026-10-25 02:30+02', '0 days'), ('2026-01-30 12:00+01', '1 month 2 days 03:00'), ('infinity', '1 month')) v(at, span);
-- beyond the end of time there is infinity, as a row may have any time
SELECT segment.date_add('294276-12-31 12:00+00', '1 day', 'UTC'), segment.date_add('294276-12-31 12:00+00', '1 day'),
    segment.date_add('4714-11-24 12:00+00 BC', '-1 month', 'UTC'), segment.day_start('5874897-12-31', 'UTC'), segment.day_ago('5874897-12-31', '-1 month');
SELECT count(*) AS asked, count(*) FILTER (WHERE segment.date_add(at, span) IS DISTINCT FROM at + span) AS differ
FROM generate_series(timestamptz '2026-01-01 00:13+01', '2028-04-01', '1733 minutes') AS at,
    unnest('{1 day,-1 day,30 days,1 month,-1 month,3 months,1 year,-4 years,1 week 02:30,36:00}'::interval[]) AS span;
SET timezone = 'UTC';
-- nor does it matter in which order instants come: what days add is kept from turn to turn
SELECT sign AS direction, count(*) AS asked, count(*) FILTER (WHERE segment.date_add(at, span, zone) IS DISTINCT FROM
    ((at AT TIME ZONE zone) + span) AT TIME ZONE zone) AS differ
FROM (SELECT sign, timestamptz '2011-07-01 00:00:00.5+00' + sign * i * interval '47 minutes' AS at
        FROM unnest('{1,-1}'::int[]) AS sign, generate_series(0, 9000) AS i ORDER BY sign, i) AS a,
    unnest('{1 day,-1 day,30 days,-365 days}'::interval[]) AS span,
    unnest('{America/Havana,Pacific/Apia,Australia/Lord_Howe,Antarctica/Troll,UTC}'::text[]) AS zone
GROUP BY sign ORDER BY sign;

-- the last day from which on a span has passed
SELECT day, span, segment.day_ago(day, span)
FROM (VALUES (date '2026-02-27', interval '1 month'), ('2026-02-28', '1 month'), ('2026-03-01', '1 month'), ('2026-03-30', '1 month'),
    ('2026-03-05', '30 days'), ('2026-02-28', '-1 month'), ('2028-02-28', '4 years'), ('2028-02-29', '4 years'), ('infinity', '1 month')) v(day, span);
SELECT count(*) AS asked, count(*) FILTER (WHERE segment.day_ago(day, span) <>
    (SELECT max(d)::date FROM generate_series(day - 900, day + 900, '1 day') AS d WHERE (d + span)::date <= day)) AS differ
FROM (SELECT date '2026-01-20' + i AS day FROM generate_series(0, 800, 3) AS i) AS d, unnest('{1 month,-1 month,2 months,1 year,-1 year,10 days,-3 days}'::interval[]) AS span;

SELECT segment.local_day(now(), 'Atlantis');
