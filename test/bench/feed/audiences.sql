-- a thousand thresholds
SELECT count(*)
FROM segment.create_audiences((SELECT json_object_agg('over ' || i, 'points > ' || i) FROM generate_series(0, 999) i),
    view => false);
VACUUM ANALYZE;
