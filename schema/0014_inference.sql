-- What can be told of rows that one can't read.  A policy is a filter, and whoever may ask for EXPLAIN, or for the time, learns what the filter threw
-- away, and what the planner thinks of it.  So hits are found by indexes that begin with the agency (0004_days.sql): a look for another's ends before
-- the first row.  And the planner keeps no statistics of the tables that say whom agencies look for and where he was.
-- (What remains is in docs/threat-model.md: sizes of tables, and of lists by their number.)

-- From now on no statistics of TABLE_NAME's columns.  (What ANALYZE wrote earlier of a table that is kept stays, and is of that day.)
CREATE FUNCTION forget_statistics(table_name text) RETURNS void LANGUAGE plpgsql SET search_path = platesieve, pg_temp AS $$
DECLARE
    columns text;
BEGIN
    SELECT string_agg(format('ALTER COLUMN %I SET STATISTICS 0', attname), ', ') INTO columns
      FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass(table_name) AND attnum > 0 AND NOT attisdropped;
    EXECUTE format('ALTER TABLE %I %s', table_name, columns);
END $$;
REVOKE ALL ON FUNCTION forget_statistics(text) FROM PUBLIC;

-- As before, and the new partition keeps no statistics.
CREATE OR REPLACE FUNCTION day_prepare(day date)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = platesieve, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
    parent day_tables;
    name text;
BEGIN
    IF day IS NULL OR day <= utc_today() OR day > utc_today() + 3700 THEN
        RAISE EXCEPTION 'day out of range' USING ERRCODE = 'PS004';
    END IF;
    FOR parent IN SELECT * FROM day_tables ORDER BY place LOOP
        name := day_partition(parent.name, day);
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        PERFORM FROM turns WHERE what = 'days' FOR UPDATE;
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE) '
                       'WITH (fillfactor = %s, autovacuum_vacuum_scale_factor = 0.1)', name, parent.name, parent.fill);
        PERFORM forget_statistics(name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent.name, name, day, day + 1);
    END LOOP;
END $$;

SELECT forget_statistics(name) FROM day_tables;
SELECT forget_statistics(day_partition(t.name, day)) FROM day_tables t, days_standing() AS day WHERE to_regclass(day_partition(t.name, day)) IS NOT NULL;
SELECT forget_statistics(name) FROM unnest(ARRAY['agencies', 'lists', 'feed_days', 'retentions', 'dropped', 'list_days', 'entry_verdicts', 'suppressions'])
    AS name WHERE to_regclass(name) IS NOT NULL;
