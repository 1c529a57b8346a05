-- Create the first so many audiences that are not there yet, a few in each
-- transaction.
SELECT set_config('bench.audiences', :'audiences', false) \g /dev/null
DO $$
DECLARE
    a record;
BEGIN
    FOR a IN
        SELECT audience, name, filter FROM audience
        WHERE audience <= current_setting('bench.audiences')::integer
            AND name NOT IN (SELECT audience FROM segment.audience)
        ORDER BY audience
    LOOP
        PERFORM segment.create_audience(a.name, a.filter::segment.filter, view => false);
        IF a.audience % 20 = 0 THEN
            COMMIT;
        END IF;
    END LOOP;
END
$$;
