-- The script runs as superuser: no name in it may be found by chance.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- What the script makes is handed to the role that runs it.  If that were not
-- the owner of the extension, tables and views would change hands.
DO $$
DECLARE
    owner text := (SELECT quote_ident(r.rolname)
                   FROM pg_extension e JOIN pg_roles r ON r.oid = e.extowner
                   WHERE e.extname = 'segment');
BEGIN
    IF owner <> '@extowner@' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = 'only its owner may update extension "segment"',
            DETAIL = format('Role %s owns the extension, role %s runs the update.', owner, '@extowner@'),
            HINT = format('Run the update as its owner: SET ROLE %s', owner);
    END IF;
END;
$$;

