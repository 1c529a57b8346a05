CREATE OR REPLACE FUNCTION segment.statement(
    program name,
    key bigint,
    population name DEFAULT NULL,
    OUT at timestamptz,
    OUT kind text,
    OUT movement bigint,
    OUT points numeric,
    OUT balance numeric,
    OUT due boolean,
    OUT ref text,
    OUT rule name,
    OUT note text,
    OUT by name,
    OUT made_at timestamptz)
RETURNS SETOF record
LANGUAGE C STABLE COST 1000 ROWS 100
AS 'MODULE_PATHNAME', 'segment_statement';
COMMENT ON FUNCTION segment.statement(name, bigint, name) IS
    'what has been added to a customer''s balance and taken from it, and what time will do, which is not due yet; balance: after it; rule: the rule or the occasion that granted; what expires at one instant, or what holds give back when they lapse, is one row';

CREATE OR REPLACE FUNCTION segment.statement(
    program name,
    key uuid,
    population name DEFAULT NULL,
    OUT at timestamptz,
    OUT kind text,
    OUT movement bigint,
    OUT points numeric,
    OUT balance numeric,
    OUT due boolean,
    OUT ref text,
    OUT rule name,
    OUT note text,
    OUT by name,
    OUT made_at timestamptz)
RETURNS SETOF record
LANGUAGE C STABLE COST 1000 ROWS 100
AS 'MODULE_PATHNAME', 'segment_statement';
COMMENT ON FUNCTION segment.statement(name, uuid, name) IS
    'what has been added to a customer''s balance and taken from it, and what time will do, which is not due yet; balance: after it; rule: the rule or the occasion that granted; what expires at one instant, or what holds give back when they lapse, is one row';

CREATE OR REPLACE FUNCTION segment.statement(
    program name,
    key text,
    population name DEFAULT NULL,
    OUT at timestamptz,
    OUT kind text,
    OUT movement bigint,
    OUT points numeric,
    OUT balance numeric,
    OUT due boolean,
    OUT ref text,
    OUT rule name,
    OUT note text,
    OUT by name,
    OUT made_at timestamptz)
RETURNS SETOF record
LANGUAGE C STABLE COST 1000 ROWS 100
AS 'MODULE_PATHNAME', 'segment_statement';
COMMENT ON FUNCTION segment.statement(name, text, name) IS
    'what has been added to a customer''s balance and taken from it, and what time will do, which is not due yet; balance: after it; rule: the rule or the occasion that granted; what expires at one instant, or what holds give back when they lapse, is one row; the text is converted to the population''s key type';

CREATE OR REPLACE FUNCTION segment.why(
    program name,
    movement bigint,
    population name DEFAULT NULL,
    OUT entry integer,
    OUT points bigint,
    OUT kind text,
    OUT contra text,
    OUT at timestamptz,
    OUT lot bigint,
    OUT granted_by bigint,
    OUT active_at timestamptz,
    OUT expires_at timestamptz,
    OUT key text,
    OUT ref text,
    OUT rule name,
    OUT version integer,
    OUT token text,
    OUT reverses bigint,
    OUT note text,
    OUT by name,
    OUT made_at timestamptz)
RETURNS SETOF record
LANGUAGE C STABLE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_why';
COMMENT ON FUNCTION segment.why(name, bigint, name) IS
    'the entries of a movement: from which lots they are, and which movement granted these; rule and version: what granted, if a row or an audience did';

CREATE OR REPLACE FUNCTION segment.card(
    program name,
    key bigint,
    population name DEFAULT NULL)
RETURNS jsonb
LANGUAGE C STABLE COST 1000
AS 'MODULE_PATHNAME', 'segment_card';
COMMENT ON FUNCTION segment.card(name, bigint, name) IS
    'what a till shows of a customer: membership, code, balance, what can be spent, what is pending, held and expiring, and when, vouchers that can be used, and rewards that the customer may have now, with what is missing to their prices';

CREATE OR REPLACE FUNCTION segment.card(
    program name,
    key uuid,
    population name DEFAULT NULL)
RETURNS jsonb
LANGUAGE C STABLE COST 1000
AS 'MODULE_PATHNAME', 'segment_card';
COMMENT ON FUNCTION segment.card(name, uuid, name) IS
    'what a till shows of a customer: membership, code, balance, what can be spent, what is pending, held and expiring, and when, vouchers that can be used, and rewards that the customer may have now, with what is missing to their prices';

CREATE OR REPLACE FUNCTION segment.card(
    program name,
    key text,
    population name DEFAULT NULL)
RETURNS jsonb
LANGUAGE C STABLE COST 1000
AS 'MODULE_PATHNAME', 'segment_card';
COMMENT ON FUNCTION segment.card(name, text, name) IS
    'what a till shows of a customer: membership, code, balance, what can be spent, what is pending, held and expiring, and when, vouchers that can be used, and rewards that the customer may have now, with what is missing to their prices; the text is converted to the population''s key type';

CREATE OR REPLACE FUNCTION segment.liability(
    program name,
    at timestamptz DEFAULT NULL,
    population name DEFAULT NULL,
    OUT kind text,
    OUT month date,
    OUT points numeric,
    OUT customers bigint)
RETURNS SETOF record
LANGUAGE C STABLE COST 10000 ROWS 20
AS 'MODULE_PATHNAME', 'segment_liability';
COMMENT ON FUNCTION segment.liability(name, timestamptz, name) IS
    'what customers have at an instant, now or to come, if nobody does anything, by the month in which it expires';

CREATE OR REPLACE FUNCTION segment.liability(
    program name,
    at text,
    population name DEFAULT NULL,
    OUT kind text,
    OUT month date,
    OUT points numeric,
    OUT customers bigint)
RETURNS SETOF record
LANGUAGE C STABLE COST 10000 ROWS 20
AS 'MODULE_PATHNAME', 'segment_liability_text';
COMMENT ON FUNCTION segment.liability(name, text, name) IS
    'what customers have at an instant, now or to come, if nobody does anything, by the month in which it expires; the instant as text, for parameters of a statement';

CREATE OR REPLACE FUNCTION segment.program_report(
    program name,
    period text DEFAULT 'month',
    periods bigint DEFAULT 12,
    population name DEFAULT NULL,
    OUT start timestamptz,
    OUT complete boolean,
    OUT earned numeric,
    OUT returned numeric,
    OUT redeemed numeric,
    OUT expired numeric,
    OUT adjusted numeric,
    OUT outstanding numeric,
    OUT active_members bigint,
    OUT redemption_rate numeric,
    OUT breakage numeric,
    OUT vouchers_issued bigint,
    OUT vouchers_used bigint,
    OUT vouchers_expired bigint)
RETURNS SETOF record
LANGUAGE C STABLE COST 10000 ROWS 12
AS 'MODULE_PATHNAME', 'segment_program_report';
COMMENT ON FUNCTION segment.program_report(name, text, bigint, name) IS
    'what was earned, taken back, spent and lost in each of the last periods, day, week, month, quarter or year; outstanding: what customers have at its end; active_members: how many earned or spent; redemption_rate and breakage: what was spent, and what expired, for each point earned; of vouchers, those are left out that were cancelled; of a period that is not complete, what will expire in it is counted';

CREATE OR REPLACE FUNCTION segment.verify_program(
    program name,
    population name DEFAULT NULL,
    OUT problem text,
    OUT key text,
    OUT thing text,
    OUT stored text,
    OUT expected text)
RETURNS SETOF record
LANGUAGE C STABLE COST 100000 ROWS 1
AS 'MODULE_PATHNAME', 'segment_verify_program';
COMMENT ON FUNCTION segment.verify_program(name, name) IS
    'compares all that a program keeps with its entries: one row per difference; no row if all is well';
