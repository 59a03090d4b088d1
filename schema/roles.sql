-- The three roles of a gate's database.  Run once per cluster, by a superuser, before `platesieved migrate`; running it again is harmless.
--   psql -f roles.sql postgres && createdb -O platesieve_owner platesieve
-- platesieve_owner   owns every object; used by `platesieved migrate` only.
-- platesieve_gate    reads all lists, writes hits; holds no right to define or drop anything.
-- platesieve_agency  what agencies and operators ask; under row-level security, one agency per transaction.
-- No passwords: peer authentication and an ident map (or client certificates) say who may be whom.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['platesieve_owner', 'platesieve_gate', 'platesieve_agency'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', role);
        END IF;
        EXECUTE format('ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT', role);
        -- what is sent to the server is not for its log
        EXECUTE format('ALTER ROLE %I SET log_parameter_max_length = 0', role);
        EXECUTE format('ALTER ROLE %I SET log_parameter_max_length_on_error = 0', role);
        EXECUTE format('ALTER ROLE %I SET log_min_error_statement = panic', role);
        EXECUTE format('ALTER ROLE %I SET jit = off', role);
        -- what one session asks is not for another of the same role to read
        EXECUTE format('ALTER ROLE %I SET track_activities = off', role);
    END LOOP;
END $$;
