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
