CREATE OR REPLACE FUNCTION segment.create_program(
    name name,
    unit text DEFAULT 'points',
    expires text DEFAULT 'never',
    pending text DEFAULT 'none',
    rounding text DEFAULT 'down',
    returns text DEFAULT 'debt',
    bonus bigint DEFAULT 0,
    description text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_create_program';
COMMENT ON FUNCTION segment.create_program(name, text, text, text, text, text, bigint, text, name) IS
    'creates a loyalty program, by which customers collect points and spend them; its members and entries are sources of the population, and its balance is a trait, such as club_balance; unit: what is collected; expires: until when it is good, such as ''after 12 months'', ''after 12 months to the end of quarter'', ''after 12 months without activity'', ''end of next year'' or ''never''; pending: how long it takes to become active; rounding: down, nearest or up; returns: what becomes of points that are taken back after they were spent: debt, forgive or pending only; bonus: points for who joins for the first time';

CREATE OR REPLACE FUNCTION segment.alter_program(
    name name,
    unit text DEFAULT NULL,
    expires text DEFAULT NULL,
    pending text DEFAULT NULL,
    rounding text DEFAULT NULL,
    returns text DEFAULT NULL,
    bonus bigint DEFAULT NULL,
    description text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_alter_program';
COMMENT ON FUNCTION segment.alter_program(name, text, text, text, text, text, bigint, text, name) IS
    'changes a loyalty program; what is not given stays, and so does what was granted; an empty description is none';

CREATE OR REPLACE FUNCTION segment.drop_program(
    name name,
    cascade boolean DEFAULT false,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_drop_program';
COMMENT ON FUNCTION segment.drop_program(name, boolean, name) IS
    'drops a loyalty program with its ledger and its traits; refused while other traits or audiences use these, unless cascade also drops them';

CREATE OR REPLACE FUNCTION segment.join_program(
    program name,
    key bigint,
    code text DEFAULT NULL,
    population name DEFAULT NULL,
    referred_by text DEFAULT NULL)
RETURNS text
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_join_program';
COMMENT ON FUNCTION segment.join_program(name, bigint, text, name, text) IS
    'makes a customer a member of a loyalty program, if need be, and returns the member''s code for the till; code: the code, if none is to be made; referred_by: the code of the member who has brought the customer along';

CREATE OR REPLACE FUNCTION segment.join_program(
    program name,
    key uuid,
    code text DEFAULT NULL,
    population name DEFAULT NULL,
    referred_by text DEFAULT NULL)
RETURNS text
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_join_program';
COMMENT ON FUNCTION segment.join_program(name, uuid, text, name, text) IS
    'makes a customer a member of a loyalty program, if need be, and returns the member''s code for the till; code: the code, if none is to be made; referred_by: the code of the member who has brought the customer along';

CREATE OR REPLACE FUNCTION segment.join_program(
    program name,
    key text,
    code text DEFAULT NULL,
    population name DEFAULT NULL,
    referred_by text DEFAULT NULL)
RETURNS text
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_join_program';
COMMENT ON FUNCTION segment.join_program(name, text, text, name, text) IS
    'makes a customer a member of a loyalty program, if need be, and returns the member''s code for the till; code: the code, if none is to be made; referred_by: the code of the member who has brought the customer along; the text is converted to the population''s key type';

CREATE OR REPLACE FUNCTION segment.leave_program(
    program name,
    key bigint,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_leave_program';
COMMENT ON FUNCTION segment.leave_program(name, bigint, name) IS
    'ends a customer''s membership: nothing is earned any more, and what there is can be spent until it expires';

CREATE OR REPLACE FUNCTION segment.leave_program(
    program name,
    key uuid,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_leave_program';
COMMENT ON FUNCTION segment.leave_program(name, uuid, name) IS
    'ends a customer''s membership: nothing is earned any more, and what there is can be spent until it expires';

CREATE OR REPLACE FUNCTION segment.leave_program(
    program name,
    key text,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_leave_program';
COMMENT ON FUNCTION segment.leave_program(name, text, name) IS
    'ends a customer''s membership: nothing is earned any more, and what there is can be spent until it expires; the text is converted to the population''s key type';

CREATE OR REPLACE FUNCTION segment.member_key(
    program name,
    code text,
    population name DEFAULT NULL)
RETURNS text
LANGUAGE C STABLE COST 100
AS 'MODULE_PATHNAME', 'segment_member_key';
COMMENT ON FUNCTION segment.member_key(name, text, name) IS
    'the key of the member with that code, as text; NULL if no member has it';

CREATE OR REPLACE FUNCTION segment.earn(
    program name,
    key bigint,
    points bigint,
    ref text DEFAULT NULL,
    token text DEFAULT NULL,
    pending text DEFAULT NULL,
    expires text DEFAULT NULL,
    note text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_earn';
COMMENT ON FUNCTION segment.earn(name, bigint, bigint, text, text, text, text, text, name) IS
    'grants points to a member, and returns the number of the movement; ref: what they are for; token: a second request with it is the same one; pending and expires: other terms than the program''s, of which expires may be a day or an instant';

CREATE OR REPLACE FUNCTION segment.earn(
    program name,
    key uuid,
    points bigint,
    ref text DEFAULT NULL,
    token text DEFAULT NULL,
    pending text DEFAULT NULL,
    expires text DEFAULT NULL,
    note text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_earn';
COMMENT ON FUNCTION segment.earn(name, uuid, bigint, text, text, text, text, text, name) IS
    'grants points to a member, and returns the number of the movement; ref: what they are for; token: a second request with it is the same one; pending and expires: other terms than the program''s, of which expires may be a day or an instant';

CREATE OR REPLACE FUNCTION segment.earn(
    program name,
    key text,
    points bigint,
    ref text DEFAULT NULL,
    token text DEFAULT NULL,
    pending text DEFAULT NULL,
    expires text DEFAULT NULL,
    note text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_earn';
COMMENT ON FUNCTION segment.earn(name, text, bigint, text, text, text, text, text, name) IS
    'grants points to a member, and returns the number of the movement; ref: what they are for; token: a second request with it is the same one; pending and expires: other terms than the program''s, of which expires may be a day or an instant; the text is converted to the population''s key type';

CREATE OR REPLACE FUNCTION segment.redeem(
    program name,
    key bigint,
    points bigint,
    ref text DEFAULT NULL,
    token text DEFAULT NULL,
    note text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_redeem';
COMMENT ON FUNCTION segment.redeem(name, bigint, bigint, text, text, text, name) IS
    'spends points of a customer, those first that expire soonest, and returns the number of the movement; ref: what they are for; token: a second request with it is the same one';

CREATE OR REPLACE FUNCTION segment.redeem(
    program name,
    key uuid,
    points bigint,
    ref text DEFAULT NULL,
    token text DEFAULT NULL,
    note text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_redeem';
COMMENT ON FUNCTION segment.redeem(name, uuid, bigint, text, text, text, name) IS
    'spends points of a customer, those first that expire soonest, and returns the number of the movement; ref: what they are for; token: a second request with it is the same one';

CREATE OR REPLACE FUNCTION segment.redeem(
    program name,
    key text,
    points bigint,
    ref text DEFAULT NULL,
    token text DEFAULT NULL,
    note text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_redeem';
COMMENT ON FUNCTION segment.redeem(name, text, bigint, text, text, text, name) IS
    'spends points of a customer, those first that expire soonest, and returns the number of the movement; ref: what they are for; token: a second request with it is the same one; the text is converted to the population''s key type';

CREATE OR REPLACE FUNCTION segment.hold(
    program name,
    key bigint,
    points bigint,
    until timestamptz,
    ref text DEFAULT NULL,
    token text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_hold';
COMMENT ON FUNCTION segment.hold(name, bigint, bigint, timestamptz, text, text, name) IS
    'sets points of a customer aside until they are settled or released, and returns the number of the movement; it lapses by itself; until: an instant';

CREATE OR REPLACE FUNCTION segment.hold(
    program name,
    key uuid,
    points bigint,
    until timestamptz,
    ref text DEFAULT NULL,
    token text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_hold';
COMMENT ON FUNCTION segment.hold(name, uuid, bigint, timestamptz, text, text, name) IS
    'sets points of a customer aside until they are settled or released, and returns the number of the movement; it lapses by itself; until: an instant';

CREATE OR REPLACE FUNCTION segment.hold(
    program name,
    key text,
    points bigint,
    until timestamptz,
    ref text DEFAULT NULL,
    token text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_hold';
COMMENT ON FUNCTION segment.hold(name, text, bigint, timestamptz, text, text, name) IS
    'sets points of a customer aside until they are settled or released, and returns the number of the movement; it lapses by itself; until: an instant; the text is converted to the population''s key type';

CREATE OR REPLACE FUNCTION segment.hold(
    program name,
    key bigint,
    points bigint,
    until text DEFAULT '15 minutes',
    ref text DEFAULT NULL,
    token text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_hold';
COMMENT ON FUNCTION segment.hold(name, bigint, bigint, text, text, text, name) IS
    'sets points of a customer aside until they are settled or released, and returns the number of the movement; it lapses by itself; until: a span from now on, such as ''15 minutes'', an instant, or a day, to whose end';

CREATE OR REPLACE FUNCTION segment.hold(
    program name,
    key uuid,
    points bigint,
    until text DEFAULT '15 minutes',
    ref text DEFAULT NULL,
    token text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_hold';
COMMENT ON FUNCTION segment.hold(name, uuid, bigint, text, text, text, name) IS
    'sets points of a customer aside until they are settled or released, and returns the number of the movement; it lapses by itself; until: a span from now on, such as ''15 minutes'', an instant, or a day, to whose end';

CREATE OR REPLACE FUNCTION segment.hold(
    program name,
    key text,
    points bigint,
    until text DEFAULT '15 minutes',
    ref text DEFAULT NULL,
    token text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_hold';
COMMENT ON FUNCTION segment.hold(name, text, bigint, text, text, text, name) IS
    'sets points of a customer aside until they are settled or released, and returns the number of the movement; it lapses by itself; until: a span from now on, such as ''15 minutes'', an instant, or a day, to whose end; the text is converted to the population''s key type';

CREATE OR REPLACE FUNCTION segment.settle(
    program name,
    movement bigint,
    points bigint DEFAULT NULL,
    ref text DEFAULT NULL,
    token text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_settle';
COMMENT ON FUNCTION segment.settle(name, bigint, bigint, text, text, name) IS
    'spends points that are held, all or some of them, and gives the others back; returns the number of the movement';

CREATE OR REPLACE FUNCTION segment.release(
    program name,
    movement bigint,
    token text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_release';
COMMENT ON FUNCTION segment.release(name, bigint, text, name) IS
    'gives points that are held back to the customer, and returns the number of the movement';

CREATE OR REPLACE FUNCTION segment.reverse(
    program name,
    movement bigint,
    points bigint DEFAULT NULL,
    token text DEFAULT NULL,
    note text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_reverse';
COMMENT ON FUNCTION segment.reverse(name, bigint, bigint, text, text, name) IS
    'makes up for a movement, as a whole or by some of its points: what was earned is taken back, what was spent is given back; returns the number of the new movement';

CREATE OR REPLACE FUNCTION segment.adjust(
    program name,
    key bigint,
    points bigint,
    note text,
    token text DEFAULT NULL,
    expires text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_adjust';
COMMENT ON FUNCTION segment.adjust(name, bigint, bigint, text, text, text, name) IS
    'grants points to a customer, or takes some away if they are less than 0, by way of correction; note: why; returns the number of the movement';

CREATE OR REPLACE FUNCTION segment.adjust(
    program name,
    key uuid,
    points bigint,
    note text,
    token text DEFAULT NULL,
    expires text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_adjust';
COMMENT ON FUNCTION segment.adjust(name, uuid, bigint, text, text, text, name) IS
    'grants points to a customer, or takes some away if they are less than 0, by way of correction; note: why; returns the number of the movement';

CREATE OR REPLACE FUNCTION segment.adjust(
    program name,
    key text,
    points bigint,
    note text,
    token text DEFAULT NULL,
    expires text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_adjust';
COMMENT ON FUNCTION segment.adjust(name, text, bigint, text, text, text, name) IS
    'grants points to a customer, or takes some away if they are less than 0, by way of correction; note: why; returns the number of the movement; the text is converted to the population''s key type';

CREATE OR REPLACE FUNCTION segment.give(
    program name,
    giver bigint,
    receiver bigint,
    points bigint,
    token text DEFAULT NULL,
    note text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_give';
COMMENT ON FUNCTION segment.give(name, bigint, bigint, bigint, text, text, name) IS
    'moves points from one customer to another, who is a member; they keep their date of expiry; returns the number of the giver''s movement';

CREATE OR REPLACE FUNCTION segment.give(
    program name,
    giver uuid,
    receiver uuid,
    points bigint,
    token text DEFAULT NULL,
    note text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_give';
COMMENT ON FUNCTION segment.give(name, uuid, uuid, bigint, text, text, name) IS
    'moves points from one customer to another, who is a member; they keep their date of expiry; returns the number of the giver''s movement';

CREATE OR REPLACE FUNCTION segment.give(
    program name,
    giver text,
    receiver text,
    points bigint,
    token text DEFAULT NULL,
    note text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_give';
COMMENT ON FUNCTION segment.give(name, text, text, bigint, text, text, name) IS
    'moves points from one customer to another, who is a member; they keep their date of expiry; returns the number of the giver''s movement; the texts are converted to the population''s key type';

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
    OUT note text,
    OUT by name,
    OUT made_at timestamptz)
RETURNS SETOF record
LANGUAGE C STABLE COST 1000 ROWS 100
AS 'MODULE_PATHNAME', 'segment_statement';
COMMENT ON FUNCTION segment.statement(name, bigint, name) IS
    'what has been added to a customer''s balance and taken from it, and what time will do, which is not due yet; balance: after it; what expires at one instant, or what holds give back when they lapse, is one row';

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
    OUT note text,
    OUT by name,
    OUT made_at timestamptz)
RETURNS SETOF record
LANGUAGE C STABLE COST 1000 ROWS 100
AS 'MODULE_PATHNAME', 'segment_statement';
COMMENT ON FUNCTION segment.statement(name, uuid, name) IS
    'what has been added to a customer''s balance and taken from it, and what time will do, which is not due yet; balance: after it; what expires at one instant, or what holds give back when they lapse, is one row';

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
    OUT note text,
    OUT by name,
    OUT made_at timestamptz)
RETURNS SETOF record
LANGUAGE C STABLE COST 1000 ROWS 100
AS 'MODULE_PATHNAME', 'segment_statement';
COMMENT ON FUNCTION segment.statement(name, text, name) IS
    'what has been added to a customer''s balance and taken from it, and what time will do, which is not due yet; balance: after it; what expires at one instant, or what holds give back when they lapse, is one row; the text is converted to the population''s key type';

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
    OUT token text,
    OUT reverses bigint,
    OUT note text,
    OUT by name,
    OUT made_at timestamptz)
RETURNS SETOF record
LANGUAGE C STABLE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_why';
COMMENT ON FUNCTION segment.why(name, bigint, name) IS
    'the entries of a movement: from which lots they are, and which movement granted these';

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

CREATE OR REPLACE FUNCTION segment.create_tiering(
    program name,
    qualify text DEFAULT 'earned',
    period text DEFAULT 'last 12 months',
    hold text DEFAULT '12 months',
    downgrade text DEFAULT 'reassess',
    grace text DEFAULT 'none',
    returns text DEFAULT 'reassess',
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE COST 100000
AS 'MODULE_PATHNAME', 'segment_create_tiering';
COMMENT ON FUNCTION segment.create_tiering(name, text, text, text, text, text, text, name) IS
    'lets members of a program come to tiers; qualify: a sum or count of events, or earned; period: this year, last 12 months, so far ...; hold: for how long a tier is held, such as 12 months, end of next year, never, or none; downgrade: reassess, one or never; grace: how long after its hold a tier is left; returns: keep or reassess, if less is left of what it was reached by';

CREATE OR REPLACE FUNCTION segment.alter_tiering(
    program name,
    qualify text DEFAULT NULL,
    period text DEFAULT NULL,
    hold text DEFAULT NULL,
    downgrade text DEFAULT NULL,
    grace text DEFAULT NULL,
    returns text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE COST 100000
AS 'MODULE_PATHNAME', 'segment_alter_tiering';
COMMENT ON FUNCTION segment.alter_tiering(name, text, text, text, text, text, text, name) IS
    'changes how members of a program come to tiers: what is NULL stays; nobody loses a tier by that before its hold ends';

CREATE OR REPLACE FUNCTION segment.drop_tiering(
    program name,
    cascade boolean DEFAULT false,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE COST 100000
AS 'MODULE_PATHNAME', 'segment_drop_tiering';
COMMENT ON FUNCTION segment.drop_tiering(name, boolean, name) IS
    'drops the tiers of a program, its source <program>_step and their traits; with cascade, also what reads these';

CREATE OR REPLACE FUNCTION segment.create_tier(
    program name,
    tier name,
    threshold numeric,
    below name DEFAULT NULL,
    description text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE COST 100000
AS 'MODULE_PATHNAME', 'segment_create_tier';
COMMENT ON FUNCTION segment.create_tier(name, name, numeric, name, text, name) IS
    'adds a tier to a program: the highest, or one below another; threshold: what has to be reached, 0 for the tier of all members';

CREATE OR REPLACE FUNCTION segment.alter_tier(
    program name,
    tier name,
    threshold numeric DEFAULT NULL,
    description text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE COST 100000
AS 'MODULE_PATHNAME', 'segment_alter_tier';
COMMENT ON FUNCTION segment.alter_tier(name, name, numeric, text, name) IS
    'changes a tier: what is NULL stays; whoever has a tier keeps it until its hold ends';

CREATE OR REPLACE FUNCTION segment.drop_tier(
    program name,
    tier name,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE COST 100000
AS 'MODULE_PATHNAME', 'segment_drop_tier';
COMMENT ON FUNCTION segment.drop_tier(name, name, name) IS
    'drops a tier: whoever has it has the one below';

CREATE OR REPLACE FUNCTION segment.tier_steps(
    program name,
    key bigint,
    population name DEFAULT NULL,
    OUT at timestamptz,
    OUT tier text,
    OUT until timestamptz,
    OUT due boolean)
RETURNS SETOF record
LANGUAGE C STABLE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_tier_steps';
COMMENT ON FUNCTION segment.tier_steps(name, bigint, name) IS
    'which tier a customer has, from when on and until when it is held: what was, and what time will do, which is not due yet';

CREATE OR REPLACE FUNCTION segment.tier_steps(
    program name,
    key uuid,
    population name DEFAULT NULL,
    OUT at timestamptz,
    OUT tier text,
    OUT until timestamptz,
    OUT due boolean)
RETURNS SETOF record
LANGUAGE C STABLE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_tier_steps';
COMMENT ON FUNCTION segment.tier_steps(name, uuid, name) IS
    'which tier a customer has, from when on and until when it is held: what was, and what time will do, which is not due yet';

CREATE OR REPLACE FUNCTION segment.tier_steps(
    program name,
    key text,
    population name DEFAULT NULL,
    OUT at timestamptz,
    OUT tier text,
    OUT until timestamptz,
    OUT due boolean)
RETURNS SETOF record
LANGUAGE C STABLE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_tier_steps';
COMMENT ON FUNCTION segment.tier_steps(name, text, name) IS
    'which tier a customer has, from when on and until when it is held: what was, and what time will do, which is not due yet; the text is converted to the population''s key type';

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

CREATE OR REPLACE FUNCTION segment.create_reward(
    program name,
    reward name,
    price bigint,
    stock bigint DEFAULT NULL,
    most bigint DEFAULT NULL,
    period text DEFAULT NULL,
    valid_from text DEFAULT NULL,
    valid_until text DEFAULT NULL,
    condition text DEFAULT NULL,
    expires text DEFAULT NULL,
    auto boolean DEFAULT NULL,
    description text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE COST 100000
AS 'MODULE_PATHNAME', 'segment_create_reward';
COMMENT ON FUNCTION segment.create_reward(name, name, bigint, bigint, bigint, text, text, text, text, text, boolean, text, name) IS
    'adds a reward to a program, which customers get for points, as a voucher; price: how many points; stock: how many there are, if there is an end of them; most: how many a customer may have, within the period, such as ''this month'', ''last 30 days'' or ''so far''; valid_from and valid_until: instants, or days, from whose beginning and to whose end it may be had; condition: a filter that the customer''s profile has to pass; expires: until when a voucher is good, such as ''after 3 months'' or ''never''; auto: whoever reaches the price gets it at once';

CREATE OR REPLACE FUNCTION segment.alter_reward(
    program name,
    reward name,
    price bigint DEFAULT NULL,
    stock bigint DEFAULT NULL,
    most bigint DEFAULT NULL,
    period text DEFAULT NULL,
    valid_from text DEFAULT NULL,
    valid_until text DEFAULT NULL,
    condition text DEFAULT NULL,
    expires text DEFAULT NULL,
    auto boolean DEFAULT NULL,
    description text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE COST 100000
AS 'MODULE_PATHNAME', 'segment_alter_reward';
COMMENT ON FUNCTION segment.alter_reward(name, name, bigint, bigint, bigint, text, text, text, text, text, boolean, text, name) IS
    'changes a reward; what is not given stays, and so do vouchers that were issued; stock: how many are left, -1 if there is no end of them; most: 0 for any number; an empty condition or description is none';

CREATE OR REPLACE FUNCTION segment.drop_reward(
    program name,
    reward name,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE COST 100000
AS 'MODULE_PATHNAME', 'segment_drop_reward';
COMMENT ON FUNCTION segment.drop_reward(name, name, name) IS
    'drops a reward; vouchers that were issued can be used';

CREATE OR REPLACE FUNCTION segment.redeem_reward(
    program name,
    key bigint,
    reward name,
    ref text DEFAULT NULL,
    token text DEFAULT NULL,
    population name DEFAULT NULL,
    OUT code text,
    OUT movement bigint,
    OUT expires_at timestamptz)
RETURNS record
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_redeem_reward';
COMMENT ON FUNCTION segment.redeem_reward(name, bigint, name, text, text, name) IS
    'spends points of a customer for a reward, and returns the code of the voucher, the number of the movement, and until when the voucher can be used; ref: what it is for; token: a second request with it is the same one';

CREATE OR REPLACE FUNCTION segment.redeem_reward(
    program name,
    key uuid,
    reward name,
    ref text DEFAULT NULL,
    token text DEFAULT NULL,
    population name DEFAULT NULL,
    OUT code text,
    OUT movement bigint,
    OUT expires_at timestamptz)
RETURNS record
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_redeem_reward';
COMMENT ON FUNCTION segment.redeem_reward(name, uuid, name, text, text, name) IS
    'spends points of a customer for a reward, and returns the code of the voucher, the number of the movement, and until when the voucher can be used; ref: what it is for; token: a second request with it is the same one';

CREATE OR REPLACE FUNCTION segment.redeem_reward(
    program name,
    key text,
    reward name,
    ref text DEFAULT NULL,
    token text DEFAULT NULL,
    population name DEFAULT NULL,
    OUT code text,
    OUT movement bigint,
    OUT expires_at timestamptz)
RETURNS record
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_redeem_reward';
COMMENT ON FUNCTION segment.redeem_reward(name, text, name, text, text, name) IS
    'spends points of a customer for a reward, and returns the code of the voucher, the number of the movement, and until when the voucher can be used; ref: what it is for; token: a second request with it is the same one; the text is converted to the population''s key type';

CREATE OR REPLACE FUNCTION segment.use_voucher(
    program name,
    code text,
    ref text DEFAULT NULL,
    token text DEFAULT NULL,
    population name DEFAULT NULL,
    OUT reward text,
    OUT key text,
    OUT used_at timestamptz)
RETURNS record
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_use_voucher';
COMMENT ON FUNCTION segment.use_voucher(name, text, text, text, name) IS
    'takes a voucher, once, and returns which reward the customer gets for it, whose it was, and when it was used; ref: what it is used for; token: a second request with it is the same one';

CREATE OR REPLACE FUNCTION segment.cancel_voucher(
    program name,
    code text,
    token text DEFAULT NULL,
    note text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'segment_cancel_voucher';
COMMENT ON FUNCTION segment.cancel_voucher(name, text, text, text, name) IS
    'takes back a voucher that was not used: its points are the customer''s again, with the expiry that they have, and the reward is in stock; returns the number of the movement';

CREATE OR REPLACE FUNCTION segment.create_occasion(
    program name,
    occasion name,
    audience name,
    points bigint,
    per text DEFAULT 'year',
    pending text DEFAULT NULL,
    expires text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_create_occasion';
COMMENT ON FUNCTION segment.create_occasion(name, name, name, bigint, text, text, text, name) IS
    'lets members earn points when they enter an audience, such as that of those whose birthday it is, from now on; per: once a day, week, month, quarter or year, or ever; pending and expires: other terms than the program''s';

CREATE OR REPLACE FUNCTION segment.create_referral(
    program name,
    audience name,
    referrer_points bigint,
    friend_points bigint,
    pending text DEFAULT NULL,
    expires text DEFAULT NULL,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_create_referral';
COMMENT ON FUNCTION segment.create_referral(name, name, bigint, bigint, text, text, name) IS
    'lets a member who was brought along earn points when entering an audience, such as that of those who have ordered, and the member who has brought the other along, too; both once, and taken back if the friend leaves the audience while they are pending';

CREATE OR REPLACE FUNCTION segment.end_occasion(
    program name,
    occasion name,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_end_occasion';
COMMENT ON FUNCTION segment.end_occasion(name, name, name) IS
    'ends an occasion, or the referral: who enters the audience from now on earns nothing';
