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
