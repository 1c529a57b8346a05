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
