-- milliseconds of overlaps() of all audiences, once the session has read them (what a
-- connection's first questions cost is another part), and the pairs that differ from what
-- overlap() says
SELECT count(*) AS pairs FROM segment.overlaps();
\timing on
SELECT count(*) AS pairs FROM segment.overlaps();
\timing off
SELECT 'differ: ' || count(*) FROM segment.overlaps() AS o,
    LATERAL segment.overlap(o.a, o.b) AS one
WHERE hashtext(o.a || o.b) % 50 = 0 AND one.in_both <> o.in_both;
