-- milliseconds of overlaps() of all audiences, and the pairs that differ from
-- what overlap() says
\timing on
SELECT count(*) AS pairs FROM segment.overlaps();
\timing off
SELECT 'differ: ' || count(*) FROM segment.overlaps() AS o,
    LATERAL segment.overlap(o.a, o.b) AS one
WHERE hashtext(o.a || o.b) % 50 = 0 AND one.in_both <> o.in_both;
