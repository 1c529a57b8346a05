-- COPY in a session of its own, whose process is written down before it begins
\o :process
SELECT pg_backend_pid();
\o
\timing on
COPY orders FROM :'file';
