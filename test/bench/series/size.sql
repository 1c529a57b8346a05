-- bytes of a profile's row, with what is moved out of it
SELECT round(avg(pg_column_size(p.*))) FROM segment_data.profile AS p;
