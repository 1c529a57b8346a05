-- Sweep until nobody is due, each batch in a transaction of its own: how many
-- profiles and in how many transactions, from when until when, and how many
-- milliseconds the longest of them took.
SET segment.now = :'clock';
SELECT set_config('bench.budget', :'budget', false) \g /dev/null
DO $$
DECLARE
    budget integer := current_setting('bench.budget');
    first timestamptz := clock_timestamp();
    begun timestamptz;
    turn record;
    turns bigint := 0;
    profiles bigint := 0;
    longest interval := '0';
BEGIN
    LOOP
        begun := clock_timestamp();
        SELECT swept, due INTO turn FROM segment.tick(budget);
        COMMIT;
        EXIT WHEN turn.swept = 0 AND turn.due = 0;
        IF turn.swept > 0 THEN
            turns := turns + 1;
            profiles := profiles + turn.swept;
            longest := greatest(longest, clock_timestamp() - begun);
        END IF;
    END LOOP;
    PERFORM set_config('bench.told', concat_ws('|', profiles, turns, extract(epoch FROM first),
        extract(epoch FROM clock_timestamp()), 1000 * extract(epoch FROM longest)), false);
END
$$;
SELECT current_setting('bench.told');
