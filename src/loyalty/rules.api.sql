CREATE OR REPLACE FUNCTION segment.create_earning(
    program name,
    rule name,
    amount text,
    condition text DEFAULT NULL,
    ref name DEFAULT NULL,
    pending text DEFAULT NULL,
    expires text DEFAULT NULL,
    valid_from text DEFAULT NULL,
    valid_until text DEFAULT NULL,
    cap bigint DEFAULT NULL,
    per text DEFAULT NULL,
    backfill boolean DEFAULT false,
    population name DEFAULT NULL)
RETURNS integer
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_create_earning';
COMMENT ON FUNCTION segment.create_earning(name, name, text, text, name, text, text, text, text, bigint, text, boolean, name) IS
    'lets the rows of a source earn points in the transaction that writes them, as in ''orders.amount * 1.5 where status = "paid"''; if they change or go, so do the points; condition: a filter that the customer has to pass, as before the statement; ref: the column of the source by which a row is known again; pending and expires: other terms than the program''s; valid_from and valid_until: rows earn that come between these, each a day of the population''s time zone, or an instant; cap, per: how much it grants a customer at most in a day, week, month, quarter, year, or ever; backfill: rows that are there earn, too, by their time; returns the number of the rule''s version: one that is there already gets another, which holds for rows that come while it is valid';

CREATE OR REPLACE FUNCTION segment.what_if_earning(
    program name,
    amount text,
    condition text DEFAULT NULL,
    period text DEFAULT 'month',
    cap bigint DEFAULT NULL,
    per text DEFAULT NULL,
    population name DEFAULT NULL,
    OUT start timestamptz,
    OUT rows bigint,
    OUT customers bigint,
    OUT points numeric)
RETURNS SETOF record
LANGUAGE C STABLE COST 100000 ROWS 100
AS 'MODULE_PATHNAME', 'segment_what_if_earning';
COMMENT ON FUNCTION segment.what_if_earning(name, text, text, text, bigint, text, name) IS
    'what a rule would have granted those who are members now, by the periods in which rows happened: a day, week, month, quarter or year; cap, per: as of the rule, as if rows had come in the order of their times; condition: must be NULL, as profiles of the past are not kept';

CREATE OR REPLACE FUNCTION segment.end_earning(
    program name,
    rule name,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_end_earning';
COMMENT ON FUNCTION segment.end_earning(name, name, name) IS
    'ends a rule: rows that come from now on earn nothing; what it has granted follows its rows for ever';
