-- What do the server's catalogs say of extension segment?
--
-- Prints one line for each column of each row of each catalog that is about the
-- extension, a member of it, or what came along with a member, such as an index:
--
--		function segment.now()	pg_proc.provolatile	s
--
-- All numbers of objects are written as the objects' names, and expressions
-- as text, so that the lines of two databases can be compared.  Which columns are
-- numbers of objects the server itself tells, so a catalog of a later release
-- is looked at too.  test/tools/check_upgrade reads the lines.

\set QUIET on
\set ON_ERROR_STOP on
SET search_path = pg_catalog, pg_temp;

-- the extension, its members, and what belongs to a member; but no toast tables,
-- which are named after numbers
CREATE TEMP TABLE object AS
WITH RECURSIVE object(classid, objid) AS (
    SELECT 'pg_extension'::regclass::oid, oid FROM pg_extension WHERE extname = 'segment'
    UNION
    SELECT d.classid, d.objid
    FROM pg_depend d JOIN object o ON d.refclassid = o.classid AND d.refobjid = o.objid
    WHERE d.deptype IN ('e', 'i', 'a', 'P', 'S')
      AND NOT EXISTS (SELECT FROM pg_class c WHERE d.classid = 'pg_class'::regclass AND c.oid = d.objid
                      AND c.relnamespace = 'pg_toast'::regnamespace)
)
SELECT classid, objid FROM object;

-- columns that differ between databases where nothing is different
CREATE TEMP TABLE passed_over(catalog regclass, attname name);
INSERT INTO passed_over
SELECT 'pg_class'::regclass, unnest(ARRAY['relfilenode', 'relpages', 'reltuples', 'relallvisible', 'relallfrozen',
                                          'relfrozenxid', 'relminmxid', 'reltoastrelid'])
UNION ALL  -- they may stay true after the last one was dropped
SELECT 'pg_class'::regclass, unnest(ARRAY['relhasindex', 'relhasrules', 'relhastriggers', 'relhassubclass'])
UNION ALL  -- the value of a column in rows that are older than the column
SELECT 'pg_attribute'::regclass, unnest(ARRAY['atthasmissing', 'attmissingval'])
UNION ALL
SELECT 'pg_index'::regclass, 'indcheckxmin'
UNION ALL
SELECT 'pg_shdepend'::regclass, 'dbid';

-- what is kept as a tree, as text; and the options of a column but for the
-- server's own, which says when the column was made (15.20)
CREATE TEMP TABLE spelled(catalog regclass, attname name, expression text);
INSERT INTO spelled VALUES
    ('pg_attribute', 'attoptions',
     '(SELECT string_agg(x, '', '') FROM unnest(attoptions) x WHERE x NOT LIKE ''pg\_attver=%'')'),
    ('pg_attrdef', 'adbin', 'pg_get_expr(adbin, adrelid)'),
    ('pg_class', 'relpartbound', 'pg_get_expr(relpartbound, oid)'),
    ('pg_constraint', 'conbin', 'pg_get_constraintdef(oid)'),
    ('pg_enum', 'enumsortorder',
     '(SELECT count(*) FROM pg_enum o
       WHERE o.enumtypid = pg_enum.enumtypid AND o.enumsortorder < pg_enum.enumsortorder)'),
    ('pg_index', 'indexprs', 'pg_get_indexdef(indexrelid)'),
    ('pg_index', 'indpred', 'pg_get_expr(indpred, indrelid)'),
    ('pg_partitioned_table', 'partexprs', 'pg_get_partkeydef(partrelid)'),
    ('pg_policy', 'polqual', 'pg_get_expr(polqual, polrelid)'),
    ('pg_policy', 'polwithcheck', 'pg_get_expr(polwithcheck, polrelid)'),
    ('pg_proc', 'proargdefaults', 'pg_get_function_arguments(oid)'),
    ('pg_proc', 'prosqlbody', 'pg_get_function_sqlbody(oid)'),
    ('pg_rewrite', 'ev_action', 'pg_get_ruledef(oid)'),
    ('pg_statistic_ext', 'stxexprs', 'pg_get_statisticsobjdef(oid)'),
    ('pg_trigger', 'tgqual', 'pg_get_triggerdef(oid)');

-- each column, and the expression that says its value in words
CREATE TEMP TABLE said AS
SELECT a.attrelid::regclass AS catalog, a.attnum, a.attname,
       CASE
           WHEN s.expression IS NOT NULL THEN s.expression
           WHEN a.attname = 'refobjid' THEN 'pg_describe_object(refclassid, refobjid, '
               || CASE a.attrelid::regclass::text WHEN 'pg_shdepend' THEN '0' ELSE 'refobjsubid' END || ')'
           WHEN f.is_array THEN format(
               '(SELECT string_agg(coalesce(pg_describe_object(%s, x, 0), ''none''), '', '' ORDER BY n)
                 FROM unnest(%I::oid[]) WITH ORDINALITY u(x, n))', f.pktable::oid, a.attname)
           WHEN f.pktable IS NOT NULL THEN format('pg_describe_object(%s, %I::oid, 0)', f.pktable::oid, a.attname)
           WHEN a.atttypid = 'pg_node_tree'::regtype THEN format('(%I IS NOT NULL)::text', a.attname)
           WHEN a.atttypid = 'aclitem[]'::regtype THEN format(
               '(SELECT string_agg(x::text, '', '' ORDER BY x::text) FROM unnest(%I) x)', a.attname)
           ELSE format('%I::text', a.attname)
       END AS expression
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN spelled s ON s.catalog = a.attrelid AND s.attname = a.attname
LEFT JOIN LATERAL (SELECT f.pktable, f.is_array FROM pg_get_catalog_foreign_keys() f
                   WHERE f.fktable = a.attrelid AND f.fkcols = ARRAY[a.attname::text] LIMIT 1) f ON true
WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
  AND c.relname NOT IN ('pg_statistic', 'pg_statistic_ext_data', 'pg_largeobject')
  AND a.attname NOT IN ('oid', 'classid', 'objid', 'objsubid', 'classoid', 'objoid')
  AND NOT EXISTS (SELECT FROM passed_over p WHERE p.catalog = a.attrelid AND p.attname = a.attname);

-- Which object is a row of a catalog about?  About the one that has its oid, or
-- that it names, or that its first column names.  Of some catalogs many rows are
-- about one object.
CREATE TEMP TABLE about AS
SELECT catalog,
       CASE WHEN 'objid' = ANY (columns) THEN 'classid' WHEN 'objoid' = ANY (columns) THEN 'classoid'
            WHEN has_objects THEN catalog::oid::text ELSE first_of::oid::text END AS class,
       CASE WHEN 'objid' = ANY (columns) THEN 'objid' WHEN 'objoid' = ANY (columns) THEN 'objoid'
            WHEN has_objects THEN 'oid' ELSE format('%I::oid', first_column) END AS id,
       CASE WHEN 'objsubid' = ANY (columns) THEN 'objsubid'
            WHEN catalog = 'pg_attribute'::regclass THEN 'attnum' ELSE '0' END AS part,
       catalog::text NOT IN ('pg_depend', 'pg_shdepend', 'pg_inherits', 'pg_enum', 'pg_ts_config_map') AS is_one_row,
       CASE WHEN catalog = 'pg_shdepend'::regclass
            THEN 'dbid = (SELECT oid FROM pg_database WHERE datname = current_database())' ELSE 'true' END AS only_if
FROM (SELECT a.attrelid::regclass AS catalog, array_agg(a.attname ORDER BY a.attnum)::text[] AS columns,
             bool_or(a.attname = 'oid') AND a.attrelid <> 'pg_enum'::regclass AS has_objects
      FROM pg_attribute a WHERE a.attrelid IN (SELECT catalog FROM said) AND a.attnum > 0 GROUP BY a.attrelid) c
LEFT JOIN LATERAL (SELECT f.pktable AS first_of, f.fkcols[1] AS first_column FROM pg_get_catalog_foreign_keys() f
                   WHERE f.fktable = c.catalog AND f.pkcols = '{oid}' AND NOT has_objects
                     AND f.fkcols = CASE columns[1] WHEN 'oid' THEN columns[2:2] ELSE columns[1:1] END) f ON true
WHERE has_objects OR columns && '{objid,objoid}' OR first_of IS NOT NULL;

CREATE TEMP TABLE fact(object text, name text, value text);
DO $$
DECLARE
    a record;
BEGIN
    FOR a IN
        SELECT about.*,
               CASE WHEN is_one_row
                    THEN string_agg(format('(%L, %s)', catalog || '.' || attname, expression), ', ' ORDER BY attnum)
                    ELSE format('(%L, concat_ws('', '', %s))', catalog, string_agg(expression, ', ' ORDER BY attnum))
               END AS facts
        FROM about JOIN said USING (catalog)
        GROUP BY catalog, class, id, part, is_one_row, only_if
    LOOP
        EXECUTE format(
            'INSERT INTO pg_temp.fact
             SELECT coalesce(pg_describe_object(%1$s, %2$s, %3$s),
                             format(''dropped column %%s of '', %3$s) || pg_describe_object(%1$s, %2$s, 0)), f.*
             FROM %4$s, LATERAL (VALUES %5$s) f
             WHERE (%1$s, %2$s) IN (SELECT classid, objid FROM pg_temp.object) AND %6$s',
            a.class, a.id, a.part, a.catalog, a.facts, a.only_if);
    END LOOP;
END;
$$;

COPY (SELECT regexp_replace(object, numbered, '\1', 'g'), name, regexp_replace(value, numbered, '\1', 'g')
      FROM fact, (VALUES ('\m(pg_toast_|RI_ConstraintTrigger_[ac]_)\d+')) n(numbered)
      WHERE value IS NOT NULL) TO STDOUT;
