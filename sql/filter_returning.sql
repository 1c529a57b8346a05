-- filter: RETURNING old and new, since 18; a row that is not there has no answer
SELECT current_setting('server_version_num')::integer < 180000 AS too_old \gset
\if :too_old
\quit
\endif
CREATE SCHEMA filter_returning;
SET search_path = filter_returning;
CREATE TABLE sale (id integer PRIMARY KEY, amount integer, double integer GENERATED ALWAYS AS (amount * 2) VIRTUAL);
CREATE VIEW seen AS SELECT id, amount + 1 AS more FROM sale;

INSERT INTO sale VALUES (1, 10), (2, NULL)
RETURNING id, old @@ 'amount = 10' AS old, old @@ 'not amount = 10' AS old_not,
    new @@ 'amount = 10' AS new, sale @@ 'amount = 10' AS itself;
UPDATE sale SET amount = 20 WHERE id = 1
RETURNING old @@ 'amount = 10' AS was, old @@ 'amount = 20' AS was_not, new @@ 'amount = 20' AS "is",
    new @@ 'amount = 10' AS is_not, sale @@ 'amount = 20' AS itself;
UPDATE sale SET amount = 30 WHERE id = 1
RETURNING old @@ 'double = 40' AS was, old @@ 'double = 60' AS was_not, new @@ 'double = 60' AS "is", new @@ 'double = 40' AS is_not;
UPDATE seen SET id = 3 WHERE id = 1 AND seen @@ 'more = 31'
RETURNING old @@ 'id = 1 and more = 31' AS was, old @@ 'id = 3' AS was_not, new @@ 'id = 3 and more = 31' AS "is", new @@ 'id = 1' AS is_not;
MERGE INTO sale USING (VALUES (3), (4)) AS v (id) ON v.id = sale.id
WHEN MATCHED THEN UPDATE SET amount = 40
WHEN NOT MATCHED THEN INSERT VALUES (4, 40)
RETURNING new.id, old @@ 'amount = 30' AS was, new @@ 'amount = 40' AS "is";
WITH gone AS (DELETE FROM sale WHERE id IN (2, 3)
RETURNING id, old @@ 'amount = 40' AS old, new @@ 'amount = 40' AS new, new @@ 'not amount = 40' AS new_not, sale @@ 'amount = 40' AS itself)
SELECT * FROM gone ORDER BY id;
EXPLAIN (VERBOSE, COSTS OFF) UPDATE sale SET amount = 50 WHERE sale @@ 'id = 4'
RETURNING old @@ 'amount = 1', new @@ 'amount = 2', sale @@ 'amount = 3';

-- a column that is not stored is its expression, in a query and in a constraint
EXPLAIN (VERBOSE, COSTS OFF) SELECT sale @@ 'double = 80' FROM sale WHERE sale @@ 'double > 10';
SELECT sale @@ 'double = 80' AS inlined FROM sale WHERE sale @@ 'double > 10';
PREPARE evaluated(segment.filter) AS SELECT * FROM sale WHERE sale @@ $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE evaluated('double = 80');
EXECUTE evaluated('not double = 80');
ALTER TABLE sale ADD CHECK (sale @@ 'not double > 100');
INSERT INTO sale VALUES (5, 51);
SELECT id FROM sale GROUP BY sale.*, id HAVING sale.* @@ 'double = 80' ORDER BY sale @@ 'amount = 40';
SELECT count(*), sale @@ 'amount = 40' AS forty FROM sale GROUP BY sale @@ 'amount = 40';

SET client_min_messages = warning;
DROP SCHEMA filter_returning CASCADE;
