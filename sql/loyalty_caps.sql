-- A rule is valid from one instant to another, and grants a customer no more than its
-- cap in a period of the customer's shop; what is taken back is free again.
CREATE SCHEMA shop_caps;
SET search_path = shop_caps, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-03-27 10:00+00';
CREATE TABLE visits (visit bigint PRIMARY KEY, customer_id bigint, points numeric DEFAULT 10, at timestamptz DEFAULT segment.now());
CREATE INDEX ON visits (customer_id, at);
SELECT segment.create_population('capped', timezone => 'Europe/Copenhagen');
SELECT segment.attach_source('visits', at => 'at');
SELECT segment.create_program('club');
SELECT segment.join_program('club', 1, 'A'), segment.join_program('club', 2, 'B');
SELECT segment.create_earning('club', 'visits', 'visits.points', ref => 'visit', cap => 25, per => 'day');
SELECT rule, version, cap, per FROM segment.earning ORDER BY rule, version;
CREATE VIEW earned AS SELECT key AS who, ref, raw, points, at FROM segment_data.capped_club_granted ORDER BY ref::bigint;
CREATE VIEW balance AS SELECT customer_id, club_balance FROM capped ORDER BY 1;
\pset format unaligned
\pset tuples_only on

-- three visits of a day, of which the last earns what is left; another customer has a cap of her own
INSERT INTO visits VALUES (1, 1), (2, 1), (3, 1), (4, 2);
INSERT INTO visits VALUES (5, 1);
SELECT * FROM earned;
-- taken back: the next one may have it; those that went short stay as they are
DELETE FROM visits WHERE visit = 1;
SELECT * FROM earned;
INSERT INTO visits VALUES (6, 1);
SELECT * FROM balance;
-- a correction moves the difference, as far as the cap lets it
UPDATE visits SET points = 3 WHERE visit = 2;
SELECT * FROM balance;
UPDATE visits SET points = 40 WHERE visit = 6;
SELECT * FROM balance;
-- in one statement: what one gives back is there for another
UPDATE visits SET points = CASE visit WHEN 6 THEN 2 ELSE 30 END WHERE visit IN (2, 6);
SELECT * FROM earned WHERE who = '1';
-- less than nothing makes room
INSERT INTO visits VALUES (7, 1, -20), (8, 1, 50);
SELECT * FROM earned WHERE ref IN ('7', '8');
SELECT * FROM balance;

-- a visit counts for the day on which it was, also one that is told of later; the day of Copenhagen on which
-- clocks are set has 23 hours, from 23:00 to 22:00 UTC
SET segment.now = '2026-04-02 10:00+00';
INSERT INTO visits VALUES (20, 2, 100, '2026-03-28 22:59:59.999999+00'), (21, 2, 20, '2026-03-28 23:00+00'), (22, 2, 20, '2026-03-29 21:59:59.999999+00'),
    (23, 2, 100, '2026-03-29 22:00+00'), (24, 2, 100, '2026-10-24 21:59+00'), (25, 2, 20, '2026-10-24 22:00+00'), (26, 2, 20, '2026-10-25 22:59+00'), (27, 2, 100, '2026-10-25 23:00+00');
SELECT * FROM earned WHERE ref::int BETWEEN 20 AND 29;
-- it is moved to another day, with room and without
UPDATE visits SET at = '2026-03-29 12:00+00' WHERE visit = 20;
UPDATE visits SET at = '2026-05-01 12:00+00' WHERE visit = 22;
SELECT * FROM earned WHERE ref IN ('20', '21', '22');
-- and to another customer
UPDATE visits SET customer_id = 1 WHERE visit = 23;
SELECT * FROM earned WHERE ref = '23';

-- another version: by the month, with what the one before has granted
SELECT segment.create_earning('club', 'visits', 'visits.points', ref => 'visit', cap => 60, per => 'month');
INSERT INTO visits VALUES (30, 2, 100, '2026-03-27 10:00+00'), (31, 2, 100, '2026-03-30 10:00+00'), (32, 2, 100, '2026-05-02 10:00+00');
SELECT * FROM earned WHERE ref::int >= 30;
SELECT segment.create_earning('club', 'once', 'visits.points', ref => 'visit', cap => 1, per => 'ever');
INSERT INTO visits VALUES (40, 1), (41, 1);
SELECT * FROM earned WHERE ref::int >= 40;
SELECT segment.end_earning('club', 'once'), segment.end_earning('club', 'visits');
SELECT * FROM segment.verify_program('club');

-- a rule for June, by days of the shop; the one before goes on until then
SET segment.now = '2026-05-31 21:59+00';
SELECT segment.create_earning('club', 'spring', 'visits.points', ref => 'visit');
SELECT segment.create_earning('club', 'spring', 'visits.points * 2', ref => 'visit', valid_from => '2026-06-01', valid_until => '2026-06-30');
SELECT version, valid_from, valid_until FROM segment.earning WHERE rule = 'spring' ORDER BY 1;
INSERT INTO visits VALUES (50, 1);
SET segment.now = '2026-05-31 22:00+00';
INSERT INTO visits VALUES (51, 1);
SET segment.now = '2026-06-30 21:59:59+00';
INSERT INTO visits VALUES (52, 1);
SET segment.now = '2026-06-30 22:00:00+00';
INSERT INTO visits VALUES (53, 1);
UPDATE visits SET points = 11 WHERE visit >= 50;
SELECT rule, ref, version, points FROM segment_data.capped_club_granted WHERE ref::int >= 50 ORDER BY 2;
SELECT segment.create_earning('club', 'spring', 'visits.points', ref => 'visit', valid_from => '2027-01-01');
SELECT segment.end_earning('club', 'spring');
SELECT version, valid_from, valid_until FROM segment.earning WHERE rule = 'spring' ORDER BY 1;

\getenv abs_srcdir PG_ABS_SRCDIR
\set outcome :abs_srcdir '/test/outcome.sql'
\i :outcome
SELECT outcome(format('SELECT segment.create_earning(''club'', ''x'', ''visits.points'', ref => ''visit'', %s)', what)) FROM unnest(ARRAY['cap => 5', 'per => ''day''', 'cap => 0, per => ''day''', 'cap => 5, per => ''minute''',
    'valid_from => ''soon''', 'valid_from => ''2026-01-01''', 'valid_until => ''2026-01-01''', 'valid_from => ''2027-01-01'', valid_until => ''2026-12-31''']) AS what;
SELECT * FROM segment.verify_program('club');
SELECT * FROM segment.verify();
SET client_min_messages = warning;
DROP VIEW earned, balance;
SELECT segment.drop_population('capped', cascade => true);
DROP SCHEMA shop_caps CASCADE;
