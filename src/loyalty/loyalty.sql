-- one row per loyalty program
CREATE TABLE segment.program (
    population name NOT NULL,
    program name NOT NULL,
    unit text NOT NULL,
    expires text NOT NULL,
    pending text NOT NULL,
    rounding text NOT NULL,
    returns text NOT NULL,
    bonus bigint NOT NULL,
    description text,
    member regclass NOT NULL,
    movement regclass NOT NULL,
    lot regclass NOT NULL,
    entry regclass NOT NULL,
    hold regclass NOT NULL,
    granted regclass NOT NULL,
    voucher regclass,
    PRIMARY KEY (population, program)
);
ALTER TABLE segment.program OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.program
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.create_program(), segment.alter_program() and segment.drop_program()');
COMMENT ON TABLE segment.program IS 'loyalty programs: units of value that customers collect and spend';
COMMENT ON COLUMN segment.program.population IS 'name of the population';
COMMENT ON COLUMN segment.program.program IS 'name of the program, with which its sources and traits begin';
COMMENT ON COLUMN segment.program.unit IS 'what is collected: points, stamps, cents';
COMMENT ON COLUMN segment.program.expires IS 'until when it is good, from when it is active on';
COMMENT ON COLUMN segment.program.pending IS 'how long after it was earned it becomes active';
COMMENT ON COLUMN segment.program.rounding IS 'what becomes of a part of one: down, nearest or up';
COMMENT ON COLUMN segment.program.returns IS 'what becomes of what is taken back after it was spent: debt, forgive or pending only';
COMMENT ON COLUMN segment.program.bonus IS 'how much a customer gets who joins for the first time';
COMMENT ON COLUMN segment.program.description IS 'what the owner of the population says of it';
COMMENT ON COLUMN segment.program.member IS 'table of the members: who joined, and when';
COMMENT ON COLUMN segment.program.movement IS 'table of the movements: what somebody did; rights on it are rights to use the program';
COMMENT ON COLUMN segment.program.lot IS 'table of the lots: grants, with what is left of them';
COMMENT ON COLUMN segment.program.entry IS 'table of the entries: what a movement adds to a balance and takes from it, and when';
COMMENT ON COLUMN segment.program.hold IS 'table of the holds: what is set aside until it is settled';
COMMENT ON COLUMN segment.program.granted IS 'table of what the rows of sources have earned by rules';
COMMENT ON COLUMN segment.program.voucher IS 'table of the vouchers by which customers get rewards; NULL: there was no reward yet';
SELECT pg_catalog.pg_extension_config_dump('segment.program', '');
GRANT SELECT ON segment.program TO PUBLIC;

-- one row per program with tiers
CREATE TABLE segment.tiering (
    population name NOT NULL,
    program name NOT NULL,
    hold text NOT NULL,
    downgrade text NOT NULL,
    grace text NOT NULL,
    returns text NOT NULL,
    step regclass,
    kept regclass,
    PRIMARY KEY (population, program)
);
ALTER TABLE segment.tiering OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.tiering
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.create_tiering(), segment.alter_tiering() and segment.drop_tiering()');
COMMENT ON TABLE segment.tiering IS 'how customers of a program come to tiers; what they qualify by is the definition of the trait <program>_qualified';
COMMENT ON COLUMN segment.tiering.population IS 'name of the population';
COMMENT ON COLUMN segment.tiering.program IS 'name of the program';
COMMENT ON COLUMN segment.tiering.hold IS 'for how long a tier is held, from when it was reached on; none: as long as the sum reaches its threshold';
COMMENT ON COLUMN segment.tiering.downgrade IS 'what becomes of a tier whose hold has ended: reassess, one or never';
COMMENT ON COLUMN segment.tiering.grace IS 'how long after its hold a tier is left';
COMMENT ON COLUMN segment.tiering.returns IS 'what becomes of a tier when less is left of what it was reached by: keep or reassess';
COMMENT ON COLUMN segment.tiering.step IS 'table of the steps: who has which tier from when on, also in the future; NULL where hold is none';
COMMENT ON COLUMN segment.tiering.kept IS 'table of the tiers that customers keep though they would not have reached them; NULL where hold is none';
SELECT pg_catalog.pg_extension_config_dump('segment.tiering', '');
GRANT SELECT ON segment.tiering TO PUBLIC;

CREATE TABLE segment.tier (
    population name NOT NULL,
    program name NOT NULL,
    tier name NOT NULL,
    threshold numeric NOT NULL,
    description text,
    PRIMARY KEY (population, program, tier)
);
ALTER TABLE segment.tier OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.tier
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.create_tier(), segment.alter_tier() and segment.drop_tier()');
COMMENT ON TABLE segment.tier IS 'tiers of programs; the higher the threshold, the higher the tier';
COMMENT ON COLUMN segment.tier.population IS 'name of the population';
COMMENT ON COLUMN segment.tier.program IS 'name of the program';
COMMENT ON COLUMN segment.tier.tier IS 'name of the tier';
COMMENT ON COLUMN segment.tier.threshold IS 'what <program>_qualified has to be at least';
COMMENT ON COLUMN segment.tier.description IS 'what the owner of the population says of it';
SELECT pg_catalog.pg_extension_config_dump('segment.tier', '');
GRANT SELECT ON segment.tier TO PUBLIC;

-- one row per version of a rule; only its end is changed
CREATE TABLE segment.earning (
    population name NOT NULL,
    program name NOT NULL,
    rule name NOT NULL,
    version integer NOT NULL,
    source name NOT NULL,
    amount text NOT NULL,
    condition text,
    ref name NOT NULL,
    pending text,
    expires text,
    valid_from timestamptz NOT NULL,
    valid_until timestamptz NOT NULL,
    cap bigint,
    per text,
    lost_at timestamptz,
    PRIMARY KEY (population, program, rule, version)
);
ALTER TABLE segment.earning OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.earning
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.create_earning() and segment.end_earning()');
COMMENT ON TABLE segment.earning IS 'rules by which rows of sources earn points, with all their versions';
COMMENT ON COLUMN segment.earning.population IS 'name of the population';
COMMENT ON COLUMN segment.earning.program IS 'name of the program';
COMMENT ON COLUMN segment.earning.rule IS 'name of the rule';
COMMENT ON COLUMN segment.earning.version IS 'number of the version: what a version has granted follows it for ever';
COMMENT ON COLUMN segment.earning.source IS 'name of the source whose rows earn';
COMMENT ON COLUMN segment.earning.amount IS 'what a row earns, as the sum of it';
COMMENT ON COLUMN segment.earning.condition IS 'filter that the profile has to pass, as it was before the statement; NULL: none';
COMMENT ON COLUMN segment.earning.ref IS 'column of the source by which a row is known again';
COMMENT ON COLUMN segment.earning.pending IS 'how long after it was earned it becomes active; NULL: as the program says';
COMMENT ON COLUMN segment.earning.expires IS 'until when it is good; NULL: as the program says';
COMMENT ON COLUMN segment.earning.valid_from IS 'from when on it grants';
COMMENT ON COLUMN segment.earning.valid_until IS 'until when it grants; infinity: it has not ended';
COMMENT ON COLUMN segment.earning.cap IS 'how much it grants a customer at most in a period; NULL: any amount';
COMMENT ON COLUMN segment.earning.per IS 'the period: day, week, month, quarter or year, of the population''s time zone, or ever';
COMMENT ON COLUMN segment.earning.lost_at IS 'when what it reads was dropped, since when what it has granted follows no row; NULL: it was not';
SELECT pg_catalog.pg_extension_config_dump('segment.earning', '');
GRANT SELECT ON segment.earning TO PUBLIC;

-- one row per reward that customers can spend on
CREATE TABLE segment.reward (
    population name NOT NULL,
    program name NOT NULL,
    reward name NOT NULL,
    price bigint NOT NULL,
    stock bigint CHECK (stock >= 0),
    stocked bigint,
    most bigint,
    period text NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_until timestamptz NOT NULL,
    condition text,
    expires text NOT NULL,
    auto boolean NOT NULL,
    description text,
    PRIMARY KEY (population, program, reward)
);
ALTER TABLE segment.reward OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.reward
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.create_reward(), segment.alter_reward() and segment.drop_reward()');
COMMENT ON TABLE segment.reward IS 'rewards that customers of a program get for their points';
COMMENT ON COLUMN segment.reward.population IS 'name of the population';
COMMENT ON COLUMN segment.reward.program IS 'name of the program';
COMMENT ON COLUMN segment.reward.reward IS 'name of the reward';
COMMENT ON COLUMN segment.reward.price IS 'what it costs, in the unit of the program';
COMMENT ON COLUMN segment.reward.stock IS 'how many are left; NULL: there is no end of them';
COMMENT ON COLUMN segment.reward.stocked IS 'how many there were, those included that customers have got; NULL: there is no end of them';
COMMENT ON COLUMN segment.reward.most IS 'how many a customer may have within the period; NULL: any number';
COMMENT ON COLUMN segment.reward.period IS 'within which a customer may have so many: this month, last 30 days, so far ...';
COMMENT ON COLUMN segment.reward.valid_from IS 'from when on customers may have it';
COMMENT ON COLUMN segment.reward.valid_until IS 'until when customers may have it';
COMMENT ON COLUMN segment.reward.condition IS 'filter that the profile has to pass; NULL: none';
COMMENT ON COLUMN segment.reward.expires IS 'until when a voucher is good, from when it is issued on';
COMMENT ON COLUMN segment.reward.auto IS 'does whoever reaches the price get it at once?';
COMMENT ON COLUMN segment.reward.description IS 'what the owner of the population says of it';
SELECT pg_catalog.pg_extension_config_dump('segment.reward', '');
GRANT SELECT ON segment.reward TO PUBLIC;

-- one row per occasion; one that has ended is made again in its place
CREATE TABLE segment.occasion (
    population name NOT NULL,
    program name NOT NULL,
    occasion name NOT NULL,
    audience name NOT NULL,
    points bigint NOT NULL,
    referrer bigint NOT NULL,
    per text NOT NULL,
    pending text,
    expires text,
    valid_from timestamptz NOT NULL,
    valid_until timestamptz NOT NULL,
    PRIMARY KEY (population, program, occasion)
);
ALTER TABLE segment.occasion OWNER TO @extowner@;
CREATE TRIGGER segment_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON segment.occasion
    FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write('segment.create_occasion(), segment.create_referral() and segment.end_occasion()');
COMMENT ON TABLE segment.occasion IS 'audiences that earn points those who enter them';
COMMENT ON COLUMN segment.occasion.population IS 'name of the population';
COMMENT ON COLUMN segment.occasion.program IS 'name of the program';
COMMENT ON COLUMN segment.occasion.occasion IS 'name of the occasion';
COMMENT ON COLUMN segment.occasion.audience IS 'name of the audience';
COMMENT ON COLUMN segment.occasion.points IS 'how much is earned by who enters it';
COMMENT ON COLUMN segment.occasion.referrer IS 'how much is earned by who has brought that customer along; 0: it is no referral';
COMMENT ON COLUMN segment.occasion.per IS 'in which period once: day, week, month, quarter or year, of the population''s time zone, or ever';
COMMENT ON COLUMN segment.occasion.pending IS 'how long after it was earned it becomes active; NULL: as the program says';
COMMENT ON COLUMN segment.occasion.expires IS 'until when it is good; NULL: as the program says';
COMMENT ON COLUMN segment.occasion.valid_from IS 'from when on it grants';
COMMENT ON COLUMN segment.occasion.valid_until IS 'until when it grants; infinity: it has not ended';
SELECT pg_catalog.pg_extension_config_dump('segment.occasion', '');
GRANT SELECT ON segment.occasion TO PUBLIC;
