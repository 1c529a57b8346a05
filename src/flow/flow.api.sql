CREATE OR REPLACE FUNCTION segment.capture_before()
RETURNS trigger
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_capture_before';
COMMENT ON FUNCTION segment.capture_before() IS
    'trigger on attached tables: announces a statement, whose rows segment.capture_after() reports';

CREATE OR REPLACE FUNCTION segment.capture_after()
RETURNS trigger
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_capture_after';
COMMENT ON FUNCTION segment.capture_after() IS
    'trigger on attached tables: updates the traits of the profiles to which the statement''s rows belong';

CREATE OR REPLACE FUNCTION segment.capture_row()
RETURNS trigger
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_capture_row';
COMMENT ON FUNCTION segment.capture_row() IS
    'trigger on attached tables whose rows arrive by logical replication: does for one row what segment.capture_after() does for those of a statement';

CREATE OR REPLACE FUNCTION segment.attach_source(
    source regclass,
    key name DEFAULT NULL,
    at name DEFAULT NULL,
    population name DEFAULT NULL,
    name name DEFAULT NULL,
    filter segment.filter DEFAULT NULL,
    replicated boolean DEFAULT false,
    through name DEFAULT NULL,
    link text DEFAULT NULL,
    look_up jsonb DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_attach_source';
COMMENT ON FUNCTION segment.attach_source(regclass, name, name, name, name, segment.filter, boolean, name, text, jsonb) IS
    'attaches a table to a population, counts its rows, and says how many have a key that no other source has; key: the column with the profile''s key (default: the name of the population''s key); at: the column with the time of an event (none: an attribute source); name: the name of the source in filters (default: the table''s name); filter: which rows of the table are rows of the source (none: all), so that one table can be many sources; replicated: rows arrive by logical replication, so triggers report each row, and always fire; through: the source whose rows are the parents of the rows, with their key and time; link: the column that refers to the parent (default: that of the foreign key), or two columns as in ''order_id = id''; look_up: other tables to which the rows refer, as in ''{"product": "products using product_id"}''';

CREATE OR REPLACE FUNCTION segment.attach_source(
    source text,
    key name DEFAULT NULL,
    at name DEFAULT NULL,
    population name DEFAULT NULL,
    name name DEFAULT NULL,
    filter segment.filter DEFAULT NULL,
    replicated boolean DEFAULT false,
    through name DEFAULT NULL,
    link text DEFAULT NULL,
    look_up jsonb DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_attach_source_text';
COMMENT ON FUNCTION segment.attach_source(text, name, name, name, name, segment.filter, boolean, name, text, jsonb) IS
    'the same, with the name of the table as text, for parameters and columns';

CREATE OR REPLACE PROCEDURE segment.attach_source_concurrently(
    source regclass,
    key name DEFAULT NULL,
    at name DEFAULT NULL,
    population name DEFAULT NULL,
    name name DEFAULT NULL,
    filter segment.filter DEFAULT NULL,
    replicated boolean DEFAULT false)
LANGUAGE C
AS 'MODULE_PATHNAME', 'segment_attach_source_concurrently';
COMMENT ON PROCEDURE segment.attach_source_concurrently(regclass, name, name, name, name, segment.filter, boolean) IS
    'attaches a table, as segment.attach_source() does, but by many short transactions: readers and writers wait for moments only, and the source cannot be used until all its rows are counted; if it is interrupted, the same CALL goes on with it, and segment.abandon_build() undoes it';

CREATE OR REPLACE PROCEDURE segment.attach_source_concurrently(
    source text,
    key name DEFAULT NULL,
    at name DEFAULT NULL,
    population name DEFAULT NULL,
    name name DEFAULT NULL,
    filter segment.filter DEFAULT NULL,
    replicated boolean DEFAULT false)
LANGUAGE C
AS 'MODULE_PATHNAME', 'segment_attach_source_concurrently_text';
COMMENT ON PROCEDURE segment.attach_source_concurrently(text, name, name, name, name, segment.filter, boolean) IS
    'the same, with the name of the table as text, for parameters and columns';

CREATE OR REPLACE FUNCTION segment.detach_source(
    source name,
    population name DEFAULT NULL,
    cascade boolean DEFAULT false)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_detach_source';
COMMENT ON FUNCTION segment.detach_source(name, name, boolean) IS
    'detaches a source: its rows no longer count; refused while traits or audiences read it, unless cascade also drops these';

CREATE OR REPLACE FUNCTION segment.create_trait(
    name name,
    definition text,
    population name DEFAULT NULL,
    description text DEFAULT NULL)
RETURNS regtype
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_create_trait';
COMMENT ON FUNCTION segment.create_trait(name, text, name, text) IS
    'defines a trait (attribute, aggregate or formula), computes it for all profiles and adds it to the population''s view; returns its type';

CREATE OR REPLACE FUNCTION segment.create_traits(
    traits json,
    population name DEFAULT NULL,
    OUT trait name,
    OUT type regtype)
RETURNS SETOF record
LANGUAGE C VOLATILE COST 100000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_create_traits';
COMMENT ON FUNCTION segment.create_traits(json, name) IS
    'defines several traits, each a key of the json object with its definition, and computes them by one pass over each source; a trait may mention those before it; returns their types';

CREATE OR REPLACE FUNCTION segment.create_traits(
    traits text,
    population name DEFAULT NULL,
    OUT trait name,
    OUT type regtype)
RETURNS SETOF record
LANGUAGE C VOLATILE COST 100000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_create_traits_text';
COMMENT ON FUNCTION segment.create_traits(text, name) IS
    'the same, with the traits as text, for parameters and columns';

CREATE OR REPLACE PROCEDURE segment.create_traits_concurrently(
    traits json,
    population name DEFAULT NULL)
LANGUAGE C
AS 'MODULE_PATHNAME', 'segment_create_traits_concurrently';
COMMENT ON PROCEDURE segment.create_traits_concurrently(json, name) IS
    'defines several traits, as segment.create_traits() does, but by many short transactions: readers and writers wait for moments only; if it is interrupted, the same CALL goes on with it, and segment.abandon_build() undoes it';

CREATE OR REPLACE PROCEDURE segment.create_traits_concurrently(
    traits text,
    population name DEFAULT NULL)
LANGUAGE C
AS 'MODULE_PATHNAME', 'segment_create_traits_concurrently_text';
COMMENT ON PROCEDURE segment.create_traits_concurrently(text, name) IS
    'the same, with the traits as text, for parameters and columns';

CREATE OR REPLACE FUNCTION segment.abandon_build(population name DEFAULT NULL)
RETURNS boolean
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_abandon_build';
COMMENT ON FUNCTION segment.abandon_build(name) IS
    'undoes an unfinished build: what it has stored is dropped, and other definitions are possible again; returns whether there was one';

CREATE OR REPLACE FUNCTION segment.alter_trait(
    name name,
    definition text DEFAULT NULL,
    population name DEFAULT NULL,
    description text DEFAULT NULL)
RETURNS regtype
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_alter_trait';
COMMENT ON FUNCTION segment.alter_trait(name, text, name, text) IS
    'gives a trait another definition or description; definitions that use the trait and are valid must stay valid; returns its type, NULL if the trait is broken';

CREATE OR REPLACE PROCEDURE segment.alter_trait_concurrently(
    name name,
    definition text,
    population name DEFAULT NULL,
    description text DEFAULT NULL)
LANGUAGE C
AS 'MODULE_PATHNAME', 'segment_alter_trait_concurrently';
COMMENT ON PROCEDURE segment.alter_trait_concurrently(name, text, name, text) IS
    'gives a trait another definition, as segment.alter_trait() does, but by many short transactions: readers and writers wait for moments only, and until it is done the trait and the audiences that use it are what they were; if it is interrupted, the same CALL goes on with it, and segment.abandon_build() undoes it';

CREATE OR REPLACE FUNCTION segment.drop_trait(
    name name,
    population name DEFAULT NULL,
    cascade boolean DEFAULT false)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_drop_trait';
COMMENT ON FUNCTION segment.drop_trait(name, name, boolean) IS
    'drops a trait; refused while traits or audiences use it, unless cascade also drops these';

CREATE OR REPLACE FUNCTION segment.create_audience(
    name name,
    filter segment.filter,
    population name DEFAULT NULL,
    view boolean DEFAULT true,
    description text DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_create_audience';
COMMENT ON FUNCTION segment.create_audience(name, segment.filter, name, boolean, text) IS
    'defines an audience, whose members are the profiles for which the filter holds, at any instant; aggregates in the filter are stored from now on; with view, a view with the audience''s name in the current schema shows the members'' keys; returns the number of members now';

CREATE OR REPLACE FUNCTION segment.create_audiences(
    filters json,
    population name DEFAULT NULL,
    view boolean DEFAULT true,
    OUT audience name,
    OUT size bigint)
RETURNS SETOF record
LANGUAGE C VOLATILE COST 100000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_create_audiences';
COMMENT ON FUNCTION segment.create_audiences(json, name, boolean) IS
    'defines several audiences, each a key of the json object with its filter, as text or as a rule tree, and finds their members by one scan; a filter may mention the audiences before it; returns their sizes';

CREATE OR REPLACE FUNCTION segment.create_audiences(
    filters text,
    population name DEFAULT NULL,
    view boolean DEFAULT true,
    OUT audience name,
    OUT size bigint)
RETURNS SETOF record
LANGUAGE C VOLATILE COST 100000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_create_audiences_text';
COMMENT ON FUNCTION segment.create_audiences(text, name, boolean) IS
    'the same, with the filters as text, for parameters and columns';

CREATE OR REPLACE PROCEDURE segment.create_audience_concurrently(
    name name,
    filter segment.filter,
    population name DEFAULT NULL,
    view boolean DEFAULT true,
    description text DEFAULT NULL)
LANGUAGE C
AS 'MODULE_PATHNAME', 'segment_create_audience_concurrently';
COMMENT ON PROCEDURE segment.create_audience_concurrently(name, segment.filter, name, boolean, text) IS
    'defines an audience, as segment.create_audience() does, but by many short transactions: readers and writers wait for moments only; if it is interrupted, the same CALL goes on with it, and segment.abandon_build() undoes it';

CREATE OR REPLACE FUNCTION segment.alter_audience(
    name name,
    filter segment.filter DEFAULT NULL,
    population name DEFAULT NULL,
    description text DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_alter_audience';
COMMENT ON FUNCTION segment.alter_audience(name, segment.filter, name, text) IS
    'gives an audience another filter or description (empty: none); an omitted argument changes nothing; the feed shows the profiles that enter and leave; returns the number of members now, NULL if the audience is broken';

CREATE OR REPLACE PROCEDURE segment.alter_audience_concurrently(
    name name,
    filter segment.filter,
    population name DEFAULT NULL,
    description text DEFAULT NULL)
LANGUAGE C
AS 'MODULE_PATHNAME', 'segment_alter_audience_concurrently';
COMMENT ON PROCEDURE segment.alter_audience_concurrently(name, segment.filter, name, text) IS
    'gives an audience another filter, as segment.alter_audience() does, but by many short transactions: readers and writers wait for moments only, and until it is done the audience and those that use it are what they were; if it is interrupted, the same CALL goes on with it, and segment.abandon_build() undoes it';

CREATE OR REPLACE FUNCTION segment.drop_audience(
    name name,
    population name DEFAULT NULL,
    cascade boolean DEFAULT false)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_drop_audience';
COMMENT ON FUNCTION segment.drop_audience(name, name, boolean) IS
    'drops an audience and its view; refused while other audiences use it, unless cascade also drops these';

CREATE OR REPLACE FUNCTION segment.rename_trait(
    name name,
    new_name name,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_rename_trait';
COMMENT ON FUNCTION segment.rename_trait(name, name, name) IS
    'gives a trait another name, in the population''s view and in the definitions that mention it; nothing is computed again';

CREATE OR REPLACE FUNCTION segment.rename_audience(
    name name,
    new_name name,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_rename_audience';
COMMENT ON FUNCTION segment.rename_audience(name, name, name) IS
    'gives an audience another name, also in the filters that mention it, and also its view if the view has the audience''s name; nothing is computed again; the feed shows with cause rename that all members leave the old name and enter the new one';

CREATE OR REPLACE FUNCTION segment.move_source(
    source name,
    relation regclass,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_move_source';
COMMENT ON FUNCTION segment.move_source(name, regclass, name) IS
    'puts a source onto another table, which has the columns that definitions mention, and keeps traits and audiences: profiles that differ are written, and who enters or leaves is in the feed; with the table that it has, its triggers are made anew, and what was written without them counts';

CREATE OR REPLACE FUNCTION segment.move_source(
    source name,
    relation text,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_move_source_text';
COMMENT ON FUNCTION segment.move_source(name, text, name) IS
    'the same, with the name of the table as text, for parameters and columns';

CREATE OR REPLACE FUNCTION segment.rename_source(
    name name,
    new_name name,
    population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_rename_source';
COMMENT ON FUNCTION segment.rename_source(name, name, name) IS
    'gives a source another name, also in the definitions that mention it; the table keeps its name, and nothing is computed again';

CREATE OR REPLACE FUNCTION segment.drop_population(
    name name,
    cascade boolean DEFAULT false)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_drop_population';
COMMENT ON FUNCTION segment.drop_population(name, boolean) IS
    'drops a population with its base table and view; refused while it has sources or audiences, unless cascade; the attached tables stay';

CREATE OR REPLACE FUNCTION segment.verify(
    population name DEFAULT NULL,
    OUT source name,
    OUT definition text,
    OUT key text,
    OUT stored text,
    OUT expected text)
RETURNS SETOF record
LANGUAGE C VOLATILE COST 100000 ROWS 1
AS 'MODULE_PATHNAME', 'segment_verify';
COMMENT ON FUNCTION segment.verify(name) IS
    'compares every stored value with the sources, and the stored members of audiences with their filters: one row per difference, and one per broken definition; no row if all is well';

CREATE OR REPLACE FUNCTION segment.rebuild(population name DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_rebuild';
COMMENT ON FUNCTION segment.rebuild(name) IS
    'computes all stored traits of a population again from its sources, and the members of its audiences from their filters; writers wait meanwhile';

CREATE OR REPLACE PROCEDURE segment.rebuild_concurrently(population name DEFAULT NULL)
LANGUAGE C
AS 'MODULE_PATHNAME', 'segment_rebuild_concurrently';
COMMENT ON PROCEDURE segment.rebuild_concurrently(name) IS
    'computes all stored traits of a population again from its sources, as segment.rebuild() does, but profile by profile, by many short transactions: readers and writers wait for moments only, and audiences follow as they follow events; members that differ from their filters stay as they are; if it is interrupted, the same CALL begins again';

CREATE OR REPLACE FUNCTION segment.tick(
    budget bigint DEFAULT NULL,
    OUT population name,
    OUT swept bigint,
    OUT due bigint,
    OUT folded bigint,
    OUT pending bigint)
RETURNS SETOF record
LANGUAGE C VOLATILE COST 100000 ROWS 1
AS 'MODULE_PATHNAME', 'segment_tick';
COMMENT ON FUNCTION segment.tick(bigint) IS
    'sweeps the profiles that are due (records what time has changed), then folds the pending changes (moves them into the stored members and the feed); returns, for each population you own, the number of swept profiles, of due profiles that are left, of folded changes and of pending changes that are left (what is left is counted up to 1000); with a budget, folds at most ten times as many changes, then sweeps at most that many profiles per population, whose changes the next tick folds; the next tick of the session continues where this one stopped, and due counts from there on; when swept and due are 0, the sweep is complete';

CREATE OR REPLACE FUNCTION segment.dependencies(
    object name,
    population name DEFAULT NULL,
    OUT relation text,
    OUT depth integer,
    OUT kind text,
    OUT name name)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_dependencies';
COMMENT ON FUNCTION segment.dependencies(name, name) IS
    'what a source, trait or audience uses and what uses it, directly (depth 1) and indirectly; each object once, at its least depth';

CREATE OR REPLACE FUNCTION segment.source_status(
    OUT population name,
    OUT source name,
    OUT relation regclass,
    OUT rows bigint,
    OUT rows_without_key bigint,
    OUT captured boolean)
RETURNS SETOF record
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'segment_source_status';
COMMENT ON FUNCTION segment.source_status() IS
    'counts the rows of each source, for view segment.stat_source';

CREATE OR REPLACE VIEW segment.stat_source AS
    SELECT population, source, relation, rows, rows_without_key, captured
    FROM segment.source_status();
ALTER VIEW segment.stat_source OWNER TO @extowner@;
COMMENT ON VIEW segment.stat_source IS 'the sources of all populations; their rows are counted when the view is read';
COMMENT ON COLUMN segment.stat_source.population IS 'name of the population';
COMMENT ON COLUMN segment.stat_source.source IS 'name of the source';
COMMENT ON COLUMN segment.stat_source.relation IS 'the attached table';
COMMENT ON COLUMN segment.stat_source.rows IS 'number of rows in the table; NULL if you may not read all of the table';
COMMENT ON COLUMN segment.stat_source.rows_without_key IS 'number of rows whose key is NULL; these rows belong to no profile and are ignored';
COMMENT ON COLUMN segment.stat_source.captured IS 'are all capture triggers present and enabled?';
GRANT SELECT ON segment.stat_source TO PUBLIC;

CREATE OR REPLACE VIEW segment.progress AS
    SELECT b.population, b.command, b.request, b.phase, b.done, b.total,
        pg_catalog.round(b.done / greatest(extract(epoch FROM b.updated_at - b.phase_at), 0.001))::bigint AS rate,
        b.started_at, b.updated_at,
        b.phase NOT IN ('done', 'abandoned') AND EXISTS (
            SELECT FROM pg_catalog.pg_locks AS l
            WHERE l.pid = b.pid AND l.relation = p.base AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted
                AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
        ) AS running
    FROM segment.build AS b JOIN segment.population AS p USING (population);
ALTER VIEW segment.progress OWNER TO @extowner@;
COMMENT ON VIEW segment.progress IS 'the last build of each population, and how far it is';
COMMENT ON COLUMN segment.progress.population IS 'name of the population';
COMMENT ON COLUMN segment.progress.command IS 'procedure that builds';
COMMENT ON COLUMN segment.progress.request IS 'what is built';
COMMENT ON COLUMN segment.progress.phase IS 'adding profiles, reading sources, writing profiles, writing changed profiles, removing profiles, completing, noting times, deciding members, done or abandoned';
COMMENT ON COLUMN segment.progress.done IS 'number of profiles that the phase has written';
COMMENT ON COLUMN segment.progress.total IS 'number of profiles that the phase has to write';
COMMENT ON COLUMN segment.progress.rate IS 'profiles written per second in this phase';
COMMENT ON COLUMN segment.progress.started_at IS 'time at which the build began';
COMMENT ON COLUMN segment.progress.updated_at IS 'time of the last progress';
COMMENT ON COLUMN segment.progress.running IS 'is a session building? if not, and the phase is neither done nor abandoned, the build was interrupted';
GRANT SELECT ON segment.progress TO PUBLIC;
