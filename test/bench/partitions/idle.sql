-- triggers as those of segment, on the table and all its partitions, that do nothing
CREATE FUNCTION idle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
DO $$
DECLARE
    relation regclass;
BEGIN
    FOR relation IN SELECT 'orders'::regclass UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = 'orders'::regclass LOOP
        EXECUTE format('CREATE TRIGGER before BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION idle()', relation);
        EXECUTE format('CREATE TRIGGER insert AFTER INSERT ON %s REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION idle()', relation);
        EXECUTE format('CREATE TRIGGER update AFTER UPDATE ON %s REFERENCING OLD TABLE AS went NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION idle()', relation);
        EXECUTE format('CREATE TRIGGER delete AFTER DELETE ON %s REFERENCING OLD TABLE AS went FOR EACH STATEMENT EXECUTE FUNCTION idle()', relation);
        EXECUTE format('CREATE TRIGGER truncate AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION idle()', relation);
    END LOOP;
END $$;
