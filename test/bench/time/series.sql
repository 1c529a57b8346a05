-- how many series a profile has, bytes and events in all of them, and bytes in
-- its row
SELECT format('SELECT %s, avg(%s), avg(%s), avg(pg_column_size(p.*)) FROM segment_data.profile p', count(*),
    string_agg(format('coalesce(pg_column_size(%I), 0)', attname), ' + '),
    string_agg(format('segment.series_count(%I, NULL, NULL, NULL)', attname), ' + '))
FROM pg_attribute
WHERE attrelid = 'segment_data.profile'::regclass AND atttypid = 'segment.series'::regtype AND NOT attisdropped
\gexec
