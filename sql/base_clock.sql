-- base: what time is it?  The transaction's start, unless the clock is frozen.
SELECT segment.now() = now() AS transaction_start;

SET segment.now = '2026-02-28 23:59:59.999999+00';
SELECT segment.now() AT TIME ZONE 'UTC' AS frozen;

RESET segment.now;
SELECT segment.now() = now() AS transaction_start;

-- what is no instant is refused, and the clock goes on
SET segment.now = 'yesterdayish';
SELECT segment.now() = now() AS transaction_start;

-- nor is the end of the calendar: what is asked about is often later than now
SET segment.now = '294276-12-31 00:00:00+00';
SET segment.now = '274235-01-01 00:00:00+00';
SELECT segment.now() AT TIME ZONE 'UTC' AS frozen;
RESET segment.now;

-- only a superuser may stop it
CREATE ROLE clerk;
SET ROLE clerk;
SET segment.now = '2026-01-01 00:00:00+00';
RESET ROLE;
DROP ROLE clerk;
