-- The fence between agencies, so that hostile SQL in the application's own role can't open it.  Policies went by app.agency, which whoever can run
-- SQL in a session of platesieve_agency can set to any name.  From now on the name counts only with a proof, which a gate makes for one
-- transaction: HMAC-SHA-256 under a key made of the gates' MAC key, over the name, the backend's pid and the time at which the transaction began.
-- Policies ask app_agency() and app_overview(), which check it: nobody can set either of the last two, so a proof that was overheard
-- or kept is worth nothing in another session or transaction.  A policy says (SELECT app_agency()): that is asked once a statement, and
-- remains an index condition.

-- The HMAC's key, as its two blocks (RFC 2104).  Gates give it when they start; nobody but the owner's functions reads it.
CREATE TABLE fence_keys (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    inner_pad bytea NOT NULL CHECK (octet_length(inner_pad) = 64),
    outer_pad bytea NOT NULL CHECK (octet_length(outer_pad) = 64),
    given_at  timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE fence_keys ALTER inner_pad SET STATISTICS 0, ALTER outer_pad SET STATISTICS 0;
ALTER TABLE fence_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE fence_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY keeper ON fence_keys TO platesieve_owner USING (true) WITH CHECK (true);

-- What a proof is bound to, beside the name.  Refuses a session in which SQL prepared a statement: the gate prepares its own through the
-- protocol, so this one would be somebody's who wants to be called in another agency's transaction.
CREATE FUNCTION fence_challenge() RETURNS text LANGUAGE plpgsql STABLE SET search_path = platesieve, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_prepared_statement() WHERE from_sql) THEN
        RAISE EXCEPTION 'a session that was meddled with' USING ERRCODE = 'PS011';
    END IF;
    RETURN pg_backend_pid() || '.' || (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint;
END $$;

-- Is what app.agency and app.operator say proven?  What is compared is hashed again, so that the time it takes tells nothing of the right proof.
-- (PL/pgSQL, because it keeps its plan: 16 us a call; as a function in SQL 75.)
CREATE FUNCTION app_proven() RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = platesieve, pg_temp AS $$
DECLARE
    k fence_keys;
BEGIN
    SELECT * INTO k FROM fence_keys;
    RETURN coalesce(
        sha256(k.outer_pad || convert_to(current_setting('app.proof', true), 'UTF8')) =
        sha256(k.outer_pad || convert_to(encode(sha256(k.outer_pad || sha256(k.inner_pad || convert_to(
            'platesieve/1/fence' || chr(31) || coalesce(current_setting('app.agency', true), '') || chr(31) ||
            coalesce(current_setting('app.operator', true), '') || chr(31) || pg_backend_pid() || '.' ||
            (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint, 'UTF8'))), 'hex'), 'UTF8')), false);
END $$;

-- The agency whose transaction this is; null: none's.
CREATE FUNCTION app_agency() RETURNS text LANGUAGE sql STABLE PARALLEL RESTRICTED
RETURN CASE WHEN app_proven() THEN nullif(current_setting('app.agency', true), '') END;

-- Is this an operator's or auditor's look at all agencies' lists?
CREATE FUNCTION app_overview() RETURNS boolean LANGUAGE sql STABLE PARALLEL RESTRICTED
RETURN coalesce(current_setting('app.operator', true), '') = 'on' AND app_proven();

-- Begins a transaction of an agency or an overseer: OVERVIEW 'on' or ''.  Fails with PS010 when the proof is none.
CREATE FUNCTION app_enter(agency text, overview text, proof text) RETURNS void LANGUAGE plpgsql SET search_path = platesieve, pg_temp AS $$
BEGIN
    PERFORM set_config('app.agency', agency, true), set_config('app.operator', overview, true), set_config('app.proof', proof, true);
    IF NOT app_proven() THEN
        RAISE EXCEPTION 'this proves nothing' USING ERRCODE = 'PS010';
    END IF;
END $$;

-- A gate gives the key; true when it is another than before.
CREATE FUNCTION fence_give(inner_block bytea, outer_block bytea) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = platesieve, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM fence_keys WHERE inner_pad = inner_block AND outer_pad = outer_block) THEN
        RETURN false;
    END IF;
    INSERT INTO fence_keys (inner_pad, outer_pad) VALUES (inner_block, outer_block)
    ON CONFLICT (one) DO UPDATE SET inner_pad = excluded.inner_pad, outer_pad = excluded.outer_pad, given_at = now();
    RETURN true;
END $$;

REVOKE ALL ON FUNCTION fence_challenge(), app_proven(), app_agency(), app_overview(), app_enter(text, text, text), fence_give(bytea, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fence_challenge(), app_proven(), app_agency(), app_overview(), app_enter(text, text, text) TO platesieve_agency;
GRANT EXECUTE ON FUNCTION fence_give(bytea, bytea) TO platesieve_gate;

-- Every policy that went by the name alone.
DO $$
DECLARE
    p record;
    was_own text := 'current_setting(''app.agency''::text, true)';
    was_overview text := '(current_setting(''app.operator''::text, true) = ''on''::text)';
    own text := '(SELECT app_agency())';
    overview text := '(SELECT app_overview())';
BEGIN
    FOR p IN SELECT * FROM pg_catalog.pg_policies WHERE schemaname = 'platesieve' AND concat(qual, with_check) ~ 'app[.](agency|operator)' LOOP
        EXECUTE format('ALTER POLICY %I ON %I', p.policyname, p.tablename) ||
                coalesce(' USING (' || replace(replace(p.qual, was_own, own), was_overview, overview) || ')', '') ||
                coalesce(' WITH CHECK (' || replace(replace(p.with_check, was_own, own), was_overview, overview) || ')', '');
    END LOOP;
    IF EXISTS (SELECT FROM pg_catalog.pg_policies WHERE schemaname = 'platesieve' AND concat(qual, with_check) ~ 'current_setting') THEN
        RAISE EXCEPTION 'a policy goes by a name that is not proven';
    END IF;
END $$;

-- -- other ways around ----------------------------------------------------------------------------------------------------------------------
-- A temporary table can stand in for a real one, and a function in pg_temp can be leaky: nobody needs either.
DO $$
BEGIN
    IF (SELECT pg_has_role(datdba, 'USAGE') FROM pg_catalog.pg_database WHERE datname = current_database()) THEN
        EXECUTE format('REVOKE TEMPORARY, CREATE ON DATABASE %I FROM PUBLIC', current_database());
    END IF;
END $$;

-- The head moves on by one, whoever may move it: a gate that sees an older version than it has would stay with what it has.
CREATE FUNCTION head_moves_on() RETURNS trigger LANGUAGE plpgsql SET search_path = platesieve, pg_temp AS $$
BEGIN
    IF NEW.version IS DISTINCT FROM OLD.version + 1 THEN
        RAISE EXCEPTION 'the head moves on by one' USING ERRCODE = 'PS012';
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION head_moves_on() FROM PUBLIC;
CREATE TRIGGER head_moves_on BEFORE UPDATE ON head FOR EACH ROW EXECUTE FUNCTION head_moves_on();

-- Turns of housekeeping.  Advisory locks can be held by anybody, so that slots and hits would never be erased.
CREATE TABLE turns (what text PRIMARY KEY) WITH (fillfactor = 10);
INSERT INTO turns VALUES ('days'), ('slots'), ('maintain');
ALTER TABLE turns ENABLE ROW LEVEL SECURITY;
ALTER TABLE turns FORCE ROW LEVEL SECURITY;
CREATE POLICY keeper ON turns TO platesieve_owner USING (true);
CREATE POLICY gate ON turns TO platesieve_gate USING (what = 'maintain') WITH CHECK (false);
GRANT SELECT, UPDATE ON turns TO platesieve_gate;
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT * FROM (VALUES
        ('maintain()', 'NOT pg_try_advisory_xact_lock(hashtext(''platesieve.maintain''))',
                       'NOT EXISTS (SELECT FROM turns WHERE what = ''maintain'' FOR UPDATE SKIP LOCKED)'),
        ('epoch_prepare(int, text, timestamptz, timestamptz, timestamptz, bytea)', 'PERFORM pg_advisory_xact_lock(hashtext(''platesieve.slots''))',
                       'PERFORM FROM turns WHERE what = ''slots'' FOR UPDATE'),
        ('epoch_drop(int)', 'PERFORM pg_advisory_xact_lock(hashtext(''platesieve.slots''))',
                       'PERFORM FROM turns WHERE what = ''slots'' FOR UPDATE'),
        ('day_prepare(date)', 'PERFORM pg_advisory_xact_lock(hashtext(''platesieve.days''))',
                       'PERFORM FROM turns WHERE what = ''days'' FOR UPDATE'),
        ('day_drop(date)', 'NOT pg_try_advisory_xact_lock(hashtext(''platesieve.days''))',
                       'NOT EXISTS (SELECT FROM turns WHERE what = ''days'' FOR UPDATE SKIP LOCKED)')) AS v (name, was, becomes)
    LOOP
        EXECUTE replace(pg_get_functiondef(f.name::regprocedure), f.was, f.becomes);
        IF pg_get_functiondef(f.name::regprocedure) ~ 'advisory' THEN
            RAISE EXCEPTION '% still takes an advisory lock', f.name;
        END IF;
    END LOOP;
END $$;
