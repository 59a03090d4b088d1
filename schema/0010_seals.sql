-- What the gates' own key says of lists, revisions and rows, so that nobody who can write here can make a gate believe anything: see
-- server/gate/db/seal.h.  To everybody else these are uniform bytes.

-- A list's row.  edition: moved on by each change; link: MAC of its last live segment; mac: over the row, edition and link.
ALTER TABLE lists ADD edition bigint NOT NULL DEFAULT 0,
                  ADD link bytea CHECK (octet_length(link) = 32),
                  ADD mac bytea CHECK (octet_length(mac) = 32);
GRANT UPDATE (edition, link, mac) ON lists TO platesieve_gate;

-- A committed segment.  sums: of its rows as they were committed, sealed; mac: over what it is, its sums, and the mac of the one before it.
ALTER TABLE revisions ADD sums bytea, ADD mac bytea CHECK (octet_length(mac) = 32);
GRANT UPDATE (sums, mac) ON revisions TO platesieve_gate;

-- A part: its digest, numbers of lines, and sums, sealed.  Parts from before have none: they are sent again.
ALTER TABLE parts DROP digest, ADD sums bytea NOT NULL DEFAULT '';

-- What was erased of a live segment because a later one removed it: sums of those rows, sealed.  Epoch null: of entries, else of slots.
CREATE TABLE erased (
    remover int NOT NULL,
    segment int NOT NULL REFERENCES revisions ON DELETE CASCADE,
    epoch   int REFERENCES epochs ON DELETE CASCADE,
    sums    bytea NOT NULL
);
CREATE UNIQUE INDEX erased_place ON erased (segment, remover, coalesce(epoch, -1));
ALTER TABLE erased ENABLE ROW LEVEL SECURITY;
ALTER TABLE erased FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON erased TO platesieve_gate USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE (sums), DELETE ON erased TO platesieve_gate;

-- Erases one bite of what nobody needs any more; returns how many rows went, 0 when there is nothing to do.  Runs as the caller
-- (platesieve_gate).  Slots of a replaced or dropped segment go at once (a gate that is loading reads its own snapshot); its entries stay
-- two days, because a hit that is still in a spool takes its reference from them.  What a change removed from segments that live on is
-- erased by a gate itself (server/gate/db/tidy.c): it has to say so under its key.
CREATE OR REPLACE FUNCTION maintain() RETURNS bigint LANGUAGE plpgsql SET search_path = platesieve, pg_temp AS $$
DECLARE
    dead record;
    bite record;
    gone bigint := 0;
    n bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM turns WHERE what = 'maintain' FOR UPDATE SKIP LOCKED) THEN
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
            DELETE FROM erased WHERE segment = dead.segment;
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
    RETURN 0;
END $$;
