-- sessions of this database begin with the clock where it was left
SELECT format('ALTER DATABASE %I SET segment.now = %L', current_database(), now) FROM frozen \gexec
