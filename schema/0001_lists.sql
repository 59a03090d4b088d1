-- Agencies, their lists and revisions, and the slots of each epoch.  Applied by `platesieved migrate` as platesieve_owner, in one
-- transaction, with the schema `platesieve` made and first in the search path.
--
-- A revision is written as a *segment*: its number is serial over all lists, its rows are staged under it part by part, and commit only
-- flips a few small rows.  A list's live segments are the committed ones from lists.base_segment (the last replace) on; an entry
-- stands while its segment is live and no later one removed it; a slot counts for the standing entry of its key if that entry's segment
-- is not newer than the slot's.  Since every revision is opened on the list's current one, segments of a list commit in rising order.
--
-- No key, no pepper, no token, no plate: slots are what a gate made of tokens.

REVOKE ALL ON SCHEMA platesieve FROM PUBLIC;
GRANT USAGE ON SCHEMA platesieve TO platesieve_gate, platesieve_agency;
GRANT SELECT ON migrations TO platesieve_gate, platesieve_agency;

-- One row.  Whoever changes what gates must see moves it on, in the same transaction: its row lock makes versions commit in order, which
-- a sequence would not.
CREATE TABLE head (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    version bigint NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
INSERT INTO head (version) VALUES (1);

CREATE TABLE agencies (
    name       text PRIMARY KEY CHECK (octet_length(name) BETWEEN 1 AND 48),
    hit_cursor bigint NOT NULL DEFAULT 0            -- of its youngest hit; row-locked by who stores hits
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- Epochs that a gate knows and that are not destroyed; written by epoch_prepare() and epoch_drop() only.
CREATE TABLE epochs (
    number       int PRIMARY KEY CHECK (number >= 0),   -- the key server's count
    id           text NOT NULL UNIQUE CHECK (octet_length(id) BETWEEN 1 AND 32),
    opens_at     timestamptz NOT NULL,
    closes_at    timestamptz NOT NULL,
    destroyed_at timestamptz NOT NULL,
    mark         bytea NOT NULL CHECK (octet_length(mark) = 16) -- of the pepper and key that its slots are made with: says nothing of either
);

CREATE TABLE lists (
    number         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agency         text NOT NULL REFERENCES agencies,
    id             text NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 48),
    category       text NOT NULL CHECK (octet_length(category) <= 48),
    instruction    text NOT NULL CHECK (octet_length(instruction) <= 256),
    sites          text[] NOT NULL,                 -- empty: all
    priority       smallint NOT NULL CHECK (priority BETWEEN 0 AND 100),
    grade          smallint NOT NULL CHECK (grade BETWEEN 0 AND 3),
    covert         boolean NOT NULL,
    suspended      boolean NOT NULL DEFAULT false,
    cooldown_s     int NOT NULL CHECK (cooldown_s BETWEEN 0 AND 86400),
    retention_days int NOT NULL CHECK (retention_days BETWEEN 1 AND 3650),
    age_limit_s    int NOT NULL CHECK (age_limit_s > 0),
    cap_tokens     bigint NOT NULL CHECK (cap_tokens >= 0),
    revision       int NOT NULL DEFAULT 0,          -- committed last; 0: none yet
    revision_last  int NOT NULL DEFAULT 0,          -- given out last
    base_segment   int NOT NULL DEFAULT 0,          -- of the last replace
    entries        bigint NOT NULL DEFAULT 0,       -- that stand
    committed_at   timestamptz,
    version        bigint NOT NULL,                 -- of the head, when gates had to look at it last
    created_at     timestamptz NOT NULL DEFAULT now(),
    created_by     text NOT NULL,
    UNIQUE (agency, id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- What a list holds for an epoch.  Counts are upper bounds (what was removed is still in them) until somebody has to count exactly.
CREATE TABLE list_epochs (
    list   int NOT NULL REFERENCES lists ON DELETE CASCADE,
    epoch  int NOT NULL REFERENCES epochs ON DELETE CASCADE,
    slots  bigint NOT NULL,
    near   bigint NOT NULL,                         -- entries with tokens of grade near
    whole  boolean NOT NULL,                        -- every standing entry has tokens for it
    PRIMARY KEY (list, epoch)
);
CREATE INDEX list_epochs_epoch ON list_epochs (epoch);

CREATE TABLE revisions (
    segment      int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    list         int NOT NULL REFERENCES lists,
    revision     int NOT NULL,
    base         int NOT NULL,
    mode         smallint NOT NULL CHECK (mode BETWEEN 0 AND 2),      -- replace, change, tokens
    state        smallint NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2), -- open, committed, dropped
    kept         smallint NOT NULL DEFAULT 2 CHECK (kept BETWEEN 0 AND 2),  -- rows: all, without slots, none
    tidied       smallint NOT NULL DEFAULT 0 CHECK (tidied BETWEEN 0 AND 2), -- of what it removed: nothing, slots, entries are erased
    version      bigint,                            -- of the head, at commit
    opened_at    timestamptz NOT NULL DEFAULT now(),
    opened_by    text NOT NULL,
    committed_at timestamptz,
    committed_by text,
    UNIQUE (list, revision)
);
CREATE INDEX revisions_open ON revisions (opened_at) WHERE state = 0;
CREATE INDEX revisions_kept ON revisions (list, segment) WHERE kept > 0;
CREATE INDEX revisions_untidy ON revisions (segment) WHERE state = 1 AND mode = 1 AND tidied < 2;

CREATE TABLE parts (
    segment int NOT NULL REFERENCES revisions ON DELETE CASCADE,
    part    int NOT NULL CHECK (part BETWEEN 1 AND 4096),
    lines   int NOT NULL,
    adds    int NOT NULL,                           -- of the lines
    digest  bytea NOT NULL CHECK (octet_length(digest) = 72), -- SHA-256 of the body, sealed: a body holds tokens, and a short one can be guessed
    slots_gone boolean NOT NULL DEFAULT false,
    PRIMARY KEY (segment, part)
);

CREATE TABLE part_epochs (
    segment int NOT NULL,
    part    int NOT NULL,
    epoch   int NOT NULL,
    lines   int NOT NULL,                           -- that have tokens for it
    near    int NOT NULL,                           -- that have some of grade near
    slots   int NOT NULL,
    PRIMARY KEY (segment, part, epoch),
    FOREIGN KEY (segment, part) REFERENCES parts ON DELETE CASCADE
);

-- Eight columns: the bitmap of nulls costs nothing.
CREATE TABLE entries (
    key        bigint NOT NULL,                     -- hash of agency, list and reference
    effective  timestamptz,                         -- null: at once
    expires    timestamptz,                         -- null: never
    list       int NOT NULL,
    segment    int NOT NULL,
    part       int NOT NULL,
    removed_by int NOT NULL DEFAULT 0,              -- segment; 0: none
    reference  text NOT NULL CHECK (octet_length(reference) BETWEEN 1 AND 64)
) WITH (fillfactor = 95, autovacuum_vacuum_insert_scale_factor = 0.5);
CREATE INDEX entries_part ON entries (segment, part);   -- grows at its end, and duplicates are folded: a few bytes a row
CREATE INDEX entries_key ON entries (list, key);        -- random within a list only

-- Lines that are not additions: what a change removes, and whom tokens were given.
CREATE TABLE edits (
    key     bigint NOT NULL,
    segment int NOT NULL,
    part    int NOT NULL,
    removes boolean NOT NULL
);
CREATE INDEX edits_part ON edits (segment, part);

-- One row holds an entry's slots of one epoch, packed: 25 bytes each, the slot (16), its tag (8), its grade (1).  The tag is
-- masked under a key of the gates, because it is made of a token without the pepper.  A row for each slot took two and a half times as long
-- to store and to load.  No index over slots or keys: nothing in SQL ever looks for one.  Partitions are made ahead by
-- epoch_prepare(); there is no default one.
CREATE TABLE slots (
    entry   bigint NOT NULL,                        -- key
    segment int NOT NULL,
    part    int NOT NULL,
    epoch   int NOT NULL,
    count   smallint NOT NULL,
    near    boolean NOT NULL,                       -- some are of grade near
    packed  bytea NOT NULL CHECK (octet_length(packed) = 25 * count)
) PARTITION BY LIST (epoch);
ALTER TABLE slots ALTER packed SET STORAGE EXTERNAL; -- uniform bytes: don't try to compress them
CREATE INDEX slots_part ON slots (segment, part);

-- -- row-level security -----------------------------------------------------------------------------------------------------------------
-- The second fence: a transaction of platesieve_agency names its agency in app.agency, or is an operator's overview (app.operator).
-- Grants are on the parents only; a grant on a partition would pass by the parent's policies.

GRANT SELECT, UPDATE (version) ON head TO platesieve_agency, platesieve_gate;
GRANT SELECT ON epochs TO platesieve_agency, platesieve_gate;

ALTER TABLE agencies ENABLE ROW LEVEL SECURITY;
ALTER TABLE agencies FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON agencies TO platesieve_gate USING (true) WITH CHECK (true);
CREATE POLICY own ON agencies TO platesieve_agency
    USING (name = current_setting('app.agency', true)) WITH CHECK (name = current_setting('app.agency', true));
GRANT SELECT, UPDATE (hit_cursor) ON agencies TO platesieve_gate;
GRANT SELECT, INSERT (name) ON agencies TO platesieve_agency;

ALTER TABLE lists ENABLE ROW LEVEL SECURITY;
ALTER TABLE lists FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON lists TO platesieve_gate USING (true) WITH CHECK (true);
CREATE POLICY own ON lists TO platesieve_agency
    USING (agency = current_setting('app.agency', true)) WITH CHECK (agency = current_setting('app.agency', true));
CREATE POLICY overview ON lists FOR SELECT TO platesieve_agency USING (current_setting('app.operator', true) = 'on');
GRANT SELECT, UPDATE (suspended, version) ON lists TO platesieve_gate;
GRANT SELECT, INSERT, UPDATE ON lists TO platesieve_agency;

ALTER TABLE list_epochs ENABLE ROW LEVEL SECURITY;
ALTER TABLE list_epochs FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON list_epochs TO platesieve_gate USING (true) WITH CHECK (true);
CREATE POLICY own ON list_epochs TO platesieve_agency
    USING (list IN (SELECT number FROM lists))
    WITH CHECK (list IN (SELECT number FROM lists WHERE agency = current_setting('app.agency', true)));
GRANT SELECT ON list_epochs TO platesieve_gate;
GRANT SELECT, INSERT, UPDATE, DELETE ON list_epochs TO platesieve_agency;

ALTER TABLE revisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE revisions FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON revisions TO platesieve_gate USING (true) WITH CHECK (true);
CREATE POLICY own ON revisions TO platesieve_agency
    USING (list IN (SELECT number FROM lists WHERE agency = current_setting('app.agency', true)))
    WITH CHECK (list IN (SELECT number FROM lists WHERE agency = current_setting('app.agency', true)));
GRANT SELECT, UPDATE (state, kept, tidied) ON revisions TO platesieve_gate;
GRANT SELECT, INSERT, UPDATE ON revisions TO platesieve_agency;

ALTER TABLE parts ENABLE ROW LEVEL SECURITY;
ALTER TABLE parts FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON parts TO platesieve_gate USING (true) WITH CHECK (true);
CREATE POLICY own ON parts TO platesieve_agency
    USING (segment IN (SELECT segment FROM revisions)) WITH CHECK (segment IN (SELECT segment FROM revisions WHERE state = 0));
GRANT SELECT, UPDATE (slots_gone), DELETE ON parts TO platesieve_gate;
GRANT SELECT, INSERT, UPDATE, DELETE ON parts TO platesieve_agency;

ALTER TABLE part_epochs ENABLE ROW LEVEL SECURITY;
ALTER TABLE part_epochs FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON part_epochs TO platesieve_gate USING (true) WITH CHECK (true);
CREATE POLICY own ON part_epochs TO platesieve_agency
    USING (segment IN (SELECT segment FROM revisions)) WITH CHECK (segment IN (SELECT segment FROM revisions WHERE state = 0));
GRANT SELECT ON part_epochs TO platesieve_gate;
GRANT SELECT, INSERT, UPDATE, DELETE ON part_epochs TO platesieve_agency;

ALTER TABLE entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE entries FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON entries TO platesieve_gate USING (true) WITH CHECK (true);
CREATE POLICY own ON entries TO platesieve_agency
    USING (list IN (SELECT number FROM lists WHERE agency = current_setting('app.agency', true)))
    WITH CHECK (list IN (SELECT number FROM lists WHERE agency = current_setting('app.agency', true)));
GRANT SELECT, DELETE ON entries TO platesieve_gate;
GRANT SELECT, INSERT, UPDATE (removed_by), DELETE ON entries TO platesieve_agency;

ALTER TABLE edits ENABLE ROW LEVEL SECURITY;
ALTER TABLE edits FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON edits TO platesieve_gate USING (true) WITH CHECK (true);
CREATE POLICY own ON edits TO platesieve_agency
    USING (segment IN (SELECT segment FROM revisions)) WITH CHECK (segment IN (SELECT segment FROM revisions WHERE state = 0));
GRANT SELECT, DELETE ON edits TO platesieve_gate;
GRANT SELECT, INSERT, DELETE ON edits TO platesieve_agency;

-- An agency's role writes slots and tags and can count and delete them, but can't read them back.
ALTER TABLE slots ENABLE ROW LEVEL SECURITY;
ALTER TABLE slots FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON slots TO platesieve_gate USING (true) WITH CHECK (true);
CREATE POLICY own ON slots TO platesieve_agency
    USING (segment IN (SELECT segment FROM revisions)) WITH CHECK (segment IN (SELECT segment FROM revisions WHERE state = 0));
GRANT SELECT, DELETE ON slots TO platesieve_gate;
GRANT INSERT, DELETE, SELECT (entry, segment, part, epoch, count, near) ON slots TO platesieve_agency;

-- -- partitions of slots ------------------------------------------------------------------------------------------------------------------
-- Made and dropped by two functions that run as the owner, so that no role of a daemon may define or drop anything else.

-- Makes the partition of epoch EPOCH_NUMBER, unless it stands.  A gate with another pepper, or another epoch key, has another mark and is
-- turned away: it would look up slots that nobody made and call every listed plate clear.  ATTACH takes a weaker lock than CREATE ... PARTITION OF: pushes go on.
CREATE FUNCTION epoch_prepare(epoch_number int, epoch_id text, opens timestamptz, closes timestamptz, destroyed timestamptz,
                              its_mark bytea)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = platesieve, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    known epochs;
    name text := 'slots_' || epoch_number;
BEGIN
    SELECT * INTO known FROM epochs WHERE number = epoch_number;
    IF found AND known.id = epoch_id AND known.mark = its_mark AND known.closes_at = closes AND known.destroyed_at = destroyed THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('platesieve.slots'));
    SELECT * INTO known FROM epochs WHERE number = epoch_number;
    IF found THEN
        IF known.id <> epoch_id OR known.mark <> its_mark THEN
            RAISE EXCEPTION 'epoch % is another one', epoch_number USING ERRCODE = 'PS001';
        END IF;
        UPDATE epochs SET closes_at = closes, destroyed_at = destroyed WHERE number = epoch_number;
        RETURN;
    END IF;
    IF (SELECT count(*) FROM epochs) >= 64 THEN
        RAISE EXCEPTION 'too many epochs' USING ERRCODE = 'PS002';
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE slots INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)', name);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE slots ATTACH PARTITION %I FOR VALUES IN (%s)', name, epoch_number);
    INSERT INTO epochs VALUES (epoch_number, epoch_id, opens, closes, destroyed, its_mark);
END $$;

-- Drops the slots of an epoch whose time is over, with what lists had in it.  Gives up after half a second behind a long read: the caller
-- comes back.
CREATE FUNCTION epoch_drop(epoch_number int)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = platesieve, pg_temp SET lock_timeout = '500ms' AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM epochs WHERE number = epoch_number) THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM epochs WHERE number = epoch_number AND destroyed_at > clock_timestamp() + interval '1 s') THEN
        RAISE EXCEPTION 'epoch % lives', epoch_number USING ERRCODE = 'PS003';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('platesieve.slots'));
    EXECUTE format('DROP TABLE IF EXISTS %I', 'slots_' || epoch_number);
    DELETE FROM epochs WHERE number = epoch_number;
END $$;

-- -- housekeeping -------------------------------------------------------------------------------------------------------------------------
-- Erases one bite of what nobody needs any more; returns how many rows went, 0 when there is nothing to do.  Runs as the caller
-- (platesieve_gate).  Slots of a replaced or dropped segment go at once (a gate that is loading reads its own snapshot); its entries stay
-- two days, because a hit that is still in a spool takes its reference from them.
CREATE FUNCTION maintain() RETURNS bigint LANGUAGE plpgsql SET search_path = platesieve, pg_temp AS $$
DECLARE
    dead record;
    bite record;
    gone bigint := 0;
    n bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('platesieve.maintain')) THEN
        RETURN 0;
    END IF;
    UPDATE revisions SET state = 2 WHERE state = 0 AND opened_at < now() - interval '1 day';

    SELECT r.segment, r.state, r.kept,
           r.state = 2 OR b.committed_at < now() - interval '2 days' AS entries_too
      INTO dead
      FROM revisions r JOIN lists l ON l.number = r.list LEFT JOIN revisions b ON b.segment = l.base_segment
     WHERE r.kept > 0 AND (r.state = 2 OR r.state = 1 AND r.segment < l.base_segment)
       AND (r.kept = 2 OR r.state = 2 OR b.committed_at < now() - interval '2 days')
     ORDER BY r.segment LIMIT 1;
    IF found THEN
        SELECT p.part, p.slots_gone INTO bite FROM parts p
         WHERE p.segment = dead.segment AND (dead.entries_too OR NOT p.slots_gone) ORDER BY p.part LIMIT 1 FOR UPDATE;
        IF NOT found THEN
            UPDATE revisions SET kept = CASE WHEN dead.entries_too THEN 0 ELSE 1 END WHERE segment = dead.segment;
            RETURN 1;
        END IF;
        IF NOT bite.slots_gone THEN
            DELETE FROM slots WHERE segment = dead.segment AND part = bite.part;
            GET DIAGNOSTICS n = ROW_COUNT;
            gone := gone + n;
            UPDATE parts SET slots_gone = true WHERE segment = dead.segment AND part = bite.part;
        END IF;
        IF dead.entries_too THEN
            DELETE FROM entries WHERE segment = dead.segment AND part = bite.part;
            GET DIAGNOSTICS n = ROW_COUNT;
            gone := gone + n;
            DELETE FROM edits WHERE segment = dead.segment AND part = bite.part;
            DELETE FROM parts WHERE segment = dead.segment AND part = bite.part;
        END IF;
        RETURN gone + 1;
    END IF;

    -- what a change removed from segments that live on: slots first, entries after two days
    SELECT r.segment, r.list, r.tidied INTO dead
      FROM revisions r
     WHERE r.state = 1 AND r.mode = 1 AND r.tidied < 2 AND r.kept = 2
       AND (r.tidied = 0 OR r.tidied = 1 AND r.committed_at < now() - interval '2 days')
     ORDER BY r.segment LIMIT 1;
    IF NOT found THEN
        RETURN 0;
    END IF;
    IF dead.tidied = 0 THEN
        DELETE FROM slots s USING entries e
         WHERE e.list = dead.list AND e.removed_by = dead.segment
           AND e.key IN (SELECT key FROM edits WHERE segment = dead.segment UNION SELECT key FROM entries WHERE segment = dead.segment)
           AND s.segment = e.segment AND s.part = e.part AND s.entry = e.key;
    ELSE
        DELETE FROM entries e
         WHERE e.list = dead.list AND e.removed_by = dead.segment
           AND e.key IN (SELECT key FROM edits WHERE segment = dead.segment UNION SELECT key FROM entries WHERE segment = dead.segment);
    END IF;
    GET DIAGNOSTICS n = ROW_COUNT;
    UPDATE revisions SET tidied = dead.tidied + 1 WHERE segment = dead.segment;
    RETURN n + 1;
END $$;

REVOKE ALL ON FUNCTION epoch_prepare(int, text, timestamptz, timestamptz, timestamptz, bytea), epoch_drop(int), maintain() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION epoch_prepare(int, text, timestamptz, timestamptz, timestamptz, bytea), epoch_drop(int), maintain() TO platesieve_gate;
