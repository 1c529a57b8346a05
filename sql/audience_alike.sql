-- Hundreds of audiences ask the same of customers, with other numbers and words.
-- A session that begins learns from one of them how to read the others; whoever
-- moves past a number, or exactly to it, enters and leaves as SQL says.
CREATE SCHEMA alike;
SET search_path = alike;
CREATE TABLE people (customer_id bigint PRIMARY KEY, age integer, visits smallint, score float8, balance numeric, hits bigint, city text, born date);
SELECT segment.create_population('person', timezone => 'UTC') \g /dev/null
SELECT segment.attach_source('people') \g /dev/null
SELECT segment.create_trait(name, 'people.' || name) FROM unnest('{age, visits, score, balance, hits, city, born}'::name[]) AS name \g /dev/null
SELECT segment.create_trait('mean', 'avg(people.balance)') \g /dev/null
CREATE TABLE asked AS
SELECT 'asked_' || row_number() OVER () AS name, filter, replace(replace(replace(filter, 'not ', 'true is distinct from '), 'mean', 'balance'), 'hits *', 'hits::numeric *') AS condition
FROM unnest(ARRAY[
    'age > 5', 'age > 40', 'age > 2.5', 'age > 40.5', 'age > 3000000000', 'age < 3000000000', 'age > -3000000000', 'age > 99999999999999999999',
    'age >= 40', 'age >= 7', 'age < 40', 'age < 18', 'age <= 40', 'age <= 39', 'age = 40', 'age = 7', 'age = 40.0', 'age in (7, 40)', 'age in (8, 41)',
    'visits > 3', 'visits > 40', 'visits > 40000', 'visits < 40000', 'visits = 40',
    'hits > 40', 'hits > 3000000000', 'hits > 40.25', 'hits = 3000000001',
    'score >= 0.5', 'score >= 40', 'score = 0.1', 'score = 40', 'balance > 40', 'balance > 39.99', 'balance = 40.00', 'balance <= 7.5',
    'city = ''Aarhus''', 'city = ''Ribe''', 'city = ''''', 'city in (''Aarhus'', ''Ribe'')', 'city in (''Odense'', ''Ribe'')', 'city in (''Ribe'')',
    'city > ''Odense''', 'city > ''B''', 'city <= ''Odense''', 'born >= ''1990-05-01''', 'born >= ''2000-01-01''', 'born = ''1990-05-01''',
    'age > 30 and city = ''Ribe''', 'age > 40 and city = ''Aarhus''', 'age > 39 or city = ''Odense''', 'age > 90 or city = ''Ribe''',
    '(age > 30 and city = ''Ribe'') or (score >= 2 and hits > 7)', '(age > 5 and city = ''Aarhus'') or (score >= 40 and hits > 40)',
    'not (age > 40)', 'not (city = ''Ribe'')', 'age > 5 and not (city = ''Ribe'')', 'age > visits', 'age > 5 and age > visits',
    'balance > hits * 2', 'balance > hits * 0.5', 'balance > hits * 0', 'balance > hits * 1', 'balance > hits * 40000', 'balance > hits * 3000000000',
    'balance > hits * 0.000000001', 'balance > hits * -1', 'balance > hits * -0.5', 'balance >= age * 1', 'balance >= age * 0.975', 'balance <= age * 2',
    'score < age * 0.5', 'score < age * 0.75', 'score < age * 2 and balance > hits * 1.5', 'score < age * 2 or city = ''Ribe''', 'age > visits * 2', 'age > visits * 1.5',
    'balance > 2 * hits', 'balance = hits * 1', 'balance > hits + 1', 'mean > 39.99', 'mean > 7', 'mean > 7.5', 'mean <= 40', 'mean > 40.01 and age > 5', 'mean > hits * 0.5']) AS filter;
SELECT count(*), count(segment.create_audience(name::name, filter::segment.filter, view => false)) FROM asked;
CREATE FUNCTION differ() RETURNS TABLE (name text, filter text, members bigint, by_hand bigint) LANGUAGE plpgsql AS $$
BEGIN
    FOR name, filter IN SELECT asked.name, asked.condition FROM asked LOOP
        EXECUTE format('SELECT count(*) FROM people WHERE %s', filter) INTO by_hand;
        members := segment.size(name::name);
        IF members <> by_hand THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END $$;

\c -
SET search_path = alike;
INSERT INTO people VALUES (1, 40, 40, 40, 40.00, 40, 'Aarhus', '1990-05-01'), (2, 7, 3, 0.1, 7.5, 7, 'Ribe', '2000-01-01'),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (4, 41, 41, 39.5, 39.99, 3000000001, 'Odense', '1990-04-30');
SELECT * FROM differ();
UPDATE people SET age = age + 1, visits = visits - 1, score = score / 2, balance = balance + 0.01, hits = hits + 1,
    city = CASE city WHEN 'Ribe' THEN 'Odense' WHEN 'Odense' THEN 'Ribe' ELSE '' END, born = born + 1;
SELECT * FROM differ();
UPDATE people SET age = age - 1, score = score * 2, balance = balance - 0.01, hits = hits - 1, city = 'Ribe', born = born - 1;
SELECT * FROM differ();
DO $$
BEGIN
    FOR n IN 0 .. 60 LOOP
        UPDATE people SET age = n, visits = 60 - n, score = n / 1.5, balance = n - 0.01, hits = n * 100000000::bigint WHERE customer_id = 1 + n % 4;
    END LOOP;
END $$;
SELECT * FROM differ();
SELECT * FROM segment.verify();
SELECT sum(transitions) > 200 AS many_moved FROM segment.stat_audience WHERE population = 'person';

-- a column that is another now: what was learned is not used any more
SELECT segment.drop_audience(name::name) FROM asked WHERE filter ~ 'visits' \g /dev/null
DELETE FROM asked WHERE filter ~ 'visits';
SELECT segment.drop_trait('visits');
SELECT segment.create_trait('visits', 'people.city');
SELECT segment.create_audience('visited_ribe', 'visits = "Ribe" and age > 3', view => false);
INSERT INTO asked VALUES ('visited_ribe', '', 'city = ''Ribe'' and age > 3');
UPDATE people SET city = CASE WHEN city = 'Ribe' THEN 'Aarhus' ELSE 'Ribe' END, age = age + 7;
SELECT * FROM differ();
SELECT * FROM segment.verify();

SET client_min_messages = warning;
SELECT segment.drop_population('person', cascade => true);
DROP SCHEMA alike CASCADE;
