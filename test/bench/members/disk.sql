-- bytes by hand and by segment, indexes and what is stored out of line included
SELECT 'disk', pg_total_relation_size('member'), pg_total_relation_size(chunks) FROM segment.membership;
