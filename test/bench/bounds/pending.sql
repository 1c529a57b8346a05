-- an event of every tenth customer, each of whom enters and leaves a few
-- audiences; how many rows of toggles wait
UPDATE customers SET points = (points + 499979) % 1000000, visits = (visits + 299993) % 1000000
WHERE customer_id % 10 = 0;
SELECT count(*) FROM segment_data.profile_toggle;
