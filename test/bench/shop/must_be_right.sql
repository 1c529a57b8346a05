-- Of the audiences there are, up to fifty: the members by segment and by hand,
-- from the orders, must be the same, and as many as segment says.
\ir members_by_hand.sql
CREATE TEMPORARY TABLE by_hand AS SELECT * FROM naive;
SELECT pg_temp.must_be_members(b.name, b.filter)
FROM audience b JOIN segment.audience s ON b.name = s.audience
WHERE b.audience % (SELECT (count(*) + 49) / 50 FROM segment.audience) = 0 \g /dev/null
