CREATE OR REPLACE FUNCTION segment.trim_feed(
    age interval DEFAULT NULL,
    force boolean DEFAULT false,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_trim_feed';
COMMENT ON FUNCTION segment.trim_feed(interval, boolean, name) IS
    'removes from the beginning of the feed what is older than age (default: the setting segment.feed_retention), up to the first that a consumer has not acknowledged; with force those too, and says who loses what; returns how many';
