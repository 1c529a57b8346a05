-- Events of one kind: "of campaign "spring"" is a condition behind "where" that
-- reads like a sentence.
SET search_path = segment, public;
SELECT f::filter AS filter, f::filter = f::filter::text::filter AS same, f::filter = f::filter::jsonb::filter AS rules
FROM unnest(ARRAY[
    'did opens of campaign "spring" in last 7 days', 'DID NOT opens OF opens.campaign ''spring'' OF `of` -3 WHERE a > 1 AND b AT LEAST 2 TIMES',
    'count(opens of campaign "spring" in last 7 days) > 1', 'sum(opens.a of opens.opens "x" where opens.opens.b = 3) > 1', 'did of of of "x" and b',
    'did opens of a 1 and b or c', 'did opens of a true where b or c', '(did opens of a true where b) and c',
    'did opens of payload.key "x" exactly 3 times since "2026-01-01"', 'count(distinct opens.a of b 2.50) = 1',
    'first(opens.a of `two words` "x" before "2026-01-01") = 1']) AS f;
SELECT 'did opens of campaign "spring" of mobile true where a > 1'::filter::jsonb;
SELECT 'did opens of `a.b` "x"'::filter::jsonb;
SELECT '{"did": "opens", "of": {"field": "campaign", "operator": "=", "value": "spring"}, "window": "in last 7 days"}'::jsonb::filter;
SELECT '{"did": "opens", "of": {"field": "campaign", "operator": "!=", "value": 3}}'::jsonb::filter;
SELECT '{"did": "opens", "of": [{"field": "a", "operator": "=", "value": 3}, {"field": "a", "operator": "=", "value": "b", "valueSource": "field"}]}'::jsonb::filter;
SELECT * FROM filter_tree('did opens of campaign "spring" where mobile');
SELECT 'did opens of "spring"'::filter;
SELECT 'did opens of campaign = "spring"'::filter;
SELECT 'did opens for campaign "spring"'::filter;
SELECT 'count(opens with campaign = "spring" in last 7 days) > 1'::filter;
SELECT 'did opens of campaign spring'::filter;

-- Ada opens everything, Ben only the letter of autumn
CREATE SCHEMA shop_of;
SET search_path = shop_of;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-03-01 12:00+00';
CREATE TABLE opens (id bigint PRIMARY KEY, customer_id bigint, campaign text, mobile boolean, at timestamptz);
CREATE INDEX ON opens (customer_id, at);
INSERT INTO opens VALUES (1, 1, 'spring', true, '2026-02-27 12:00+00'), (2, 1, 'autumn', false, '2025-10-01 12:00+00'),
    (3, 2, 'autumn', true, '2025-10-02 12:00+00'), (4, 1, 'spring', false, '2026-02-20 12:00+00');
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('opens', at => 'at');
SELECT segment.create_trait('spring', 'count(opens of campaign "spring" in last 7 days)');
SELECT segment.create_trait('spring_mobile', 'count(opens of campaign "spring" where mobile)');
SELECT segment.create_trait('same', 'count(opens where campaign = "spring" and mobile)');
SELECT segment.create_trait('rate', 'avg(opens.id of campaign "autumn")');
-- what is written is kept; what is stored is shared with whoever wrote "where"
SELECT trait, definition FROM segment.trait ORDER BY 1;
SELECT definition FROM segment.stored_trait ORDER BY definition COLLATE "C";
SELECT * FROM profile ORDER BY 1;
SELECT segment.create_audience('warm', 'did opens of campaign "spring" in last 7 days');
SELECT segment.create_audience('cold', 'did not opens of campaign "spring" and did opens of campaign "autumn" where mobile');
SELECT * FROM segment.explain('warm', 1);
SELECT filter FROM segment.audience ORDER BY 1;
INSERT INTO opens VALUES (5, 2, 'spring', true, segment.now());
SELECT audience, segment.size(audience) FROM segment.audience ORDER BY 1;
SET segment.now = '2026-03-07 12:00+00';
SELECT audience, segment.size(audience) FROM segment.audience ORDER BY 1;
SELECT segment.rename_source('opens', 'letters');
SELECT trait, definition FROM segment.trait ORDER BY 1;
SELECT * FROM segment.verify();
SELECT segment.create_audience('wrong', 'did letters of campagne "spring"');
SELECT segment.create_audience('wrong', 'did letters of mobile "spring"');
SELECT segment.count_where('did letters of campaign "winter"');
SET client_min_messages = warning;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_of CASCADE;
