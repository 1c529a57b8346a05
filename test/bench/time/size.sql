-- sizes by hand, from the orders, and by segment
SET segment.now = :'clock';
SET max_parallel_workers_per_gather = 0;
\ir ../compare.sql

SELECT :'what', audience, c.*
FROM unnest(ARRAY['lapsed', 'keen']) AS audience, pg_temp.compare(
    format('SELECT count(*) FROM %I(%L)', audience, :'clock'),
    format('SELECT segment.size(%L)', audience), :executions) AS c;
