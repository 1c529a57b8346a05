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
