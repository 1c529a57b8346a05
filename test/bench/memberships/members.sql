-- what segment says, in the same form
CREATE TEMPORARY VIEW member AS
SELECT m.customer_id, a.audience
FROM audience a, segment.members(a.name) AS m(customer_id bigint)
WHERE a.audience <= 100;
