-- tick() in a session of its own, whose process is written down before it begins
\o :process
SELECT pg_backend_pid();
\o
\timing on
SELECT 'folded', folded FROM segment.tick();
