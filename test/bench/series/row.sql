-- bytes of the longest row of a profile, without what is moved out of it
SELECT max(lp_len)
FROM generate_series(0, pg_relation_size('segment_data.profile') / current_setting('block_size')::int - 1) AS page,
    heap_page_items(get_raw_page('segment_data.profile', page::int));
