-- A population shows itself as a view, and refuses what could not work.
CREATE SCHEMA shop_profile;
SET search_path = shop_profile, public;

SELECT segment.create_population('profile', key => 'customer_id', key_type => 'bigint', timezone => 'Europe/Copenhagen');
SELECT * FROM profile;
SELECT population, key, key_type, timezone, base, view FROM segment.population;
\d segment_data.profile

-- one of each key type
SELECT segment.create_population('by_number', 'nr', 'integer');
SELECT segment.create_population('by_uuid', 'id', 'uuid');
SELECT segment.create_population('by_name', 'e-mail', 'text');
SELECT a.attname, a.atttypid::regtype
FROM pg_attribute a WHERE attrelid IN ('by_number'::regclass, 'by_uuid'::regclass, 'by_name'::regclass) ORDER BY 1;

-- names that are taken, keys that cannot be, zones that are not
SELECT segment.create_population('profile');
CREATE TABLE taken ();
SELECT segment.create_population('taken');
SELECT segment.create_population('new', key_type => 'float8');
SELECT segment.create_population('new', key_type => '1');
SELECT segment.create_population('new', key => 'ord');
SELECT segment.create_population('new', key => 's12');
SELECT segment.create_population('new', timezone => 'Europe/Kopenhagen');
-- nor is what the server would read by a rule of POSIX, east for west
SELECT segment.create_population('new', timezone => '+02:00');
SELECT segment.create_population('new', timezone => 'UTC+2');
SELECT segment.create_population('new', timezone => 'EST5EDT,M3.2.0,M11.1.0');
-- nor a zone that is also an abbreviation; some systems have none such any more
CREATE FUNCTION refusal(timezone text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    error text;
    detail text;
    hint text;
BEGIN
    PERFORM segment.create_population('new', timezone => timezone);
EXCEPTION WHEN invalid_parameter_value THEN
    GET STACKED DIAGNOSTICS error := MESSAGE_TEXT, detail := PG_EXCEPTION_DETAIL, hint := PG_EXCEPTION_HINT;
    RETURN concat_ws(' / ', error, nullif(detail, ''), hint);
END $$;
SELECT refusal('CET') = CASE WHEN EXISTS (SELECT FROM pg_timezone_names WHERE name = 'CET')
    THEN 'time zone "CET" is also an abbreviation / As a zone it changes its clocks, as an abbreviation it does not. / '
        'Give a place, for example timezone => ''Europe/Copenhagen''.'
    ELSE 'time zone "CET" does not exist / See pg_timezone_names for the names, for example timezone => ''Europe/Copenhagen''.'
    END AS refused;
DROP FUNCTION refusal;
SET timezone = -3;
SELECT segment.create_population('new');
SET TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE;
SELECT segment.create_population('new');
RESET timezone;
SELECT segment.create_population(NULL);
SET search_path = nowhere;
SELECT segment.create_population('new');
SET search_path = shop_profile, public;

-- several populations: one must be named, and a slip is noticed
SELECT segment.create_trait('x', '1');
SELECT segment.create_trait('x', '1', population => 'profil');

-- only the owner defines
CREATE ROLE regress_segment_ada;
GRANT USAGE ON SCHEMA shop_profile TO regress_segment_ada;
SET ROLE regress_segment_ada;
SELECT segment.create_trait('x', '1', population => 'profile');
SELECT segment.drop_population('profile');
RESET ROLE;
-- and who may create a view may create a population, without rights on our schemas
GRANT CREATE ON SCHEMA shop_profile TO regress_segment_ada;
SET ROLE regress_segment_ada;
SELECT segment.create_population('of_ada');
SELECT relowner::regrole FROM pg_class WHERE oid IN ('segment_data.of_ada'::regclass, 'of_ada'::regclass) ORDER BY relname, relkind;
SELECT segment.drop_population('of_ada');
RESET ROLE;

SELECT segment.drop_population('by_number');
SELECT segment.drop_population('by_uuid');
SELECT segment.drop_population('by_name');
SELECT segment.drop_population('profile');
SELECT count(*) FROM segment.population;
DROP SCHEMA shop_profile CASCADE;
DROP ROLE regress_segment_ada;
