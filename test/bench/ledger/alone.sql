-- The rows that an order writes which earns, in tables like the ledger's, for one statement
-- that writes these and looks for nothing (alone.pgbench).
SET client_min_messages = warning;
SELECT segment.create_program('club');
CREATE TABLE alone_movement (LIKE segment_data.profile_club_movement INCLUDING ALL);
CREATE TABLE alone_lot (LIKE segment_data.profile_club_lot INCLUDING ALL);
CREATE TABLE alone_entry (LIKE segment_data.profile_club_entry INCLUDING ALL);
CREATE TABLE alone_granted (LIKE segment_data.profile_club_granted INCLUDING ALL);
SELECT segment.drop_program('club', cascade => true);
