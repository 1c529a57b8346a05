-- each customer has what the orders say, and what was given and spent by hand
DO $$
BEGIN
    IF EXISTS (SELECT FROM segment.verify_program('club')) THEN
        RAISE EXCEPTION 'the ledger is not right';
    END IF;
    IF EXISTS (
        SELECT FROM profile LEFT JOIN (
            SELECT customer_id, sum(trunc(amount)) AS points FROM orders WHERE status = 'paid' GROUP BY customer_id)
            AS earned USING (customer_id)
        LEFT JOIN (
            SELECT key AS customer_id, sum(points) AS points FROM segment_data.profile_club_movement WHERE rule IS NULL GROUP BY key)
            AS by_hand USING (customer_id)
        WHERE club_balance <> coalesce(earned.points, 0) + coalesce(by_hand.points, 0)) THEN
        RAISE EXCEPTION 'the balances differ from those by hand';
    END IF;
END
$$;
