-- Lines that gave tokens say nothing any more once their revision is committed: the slots are what counts, and no gate asks for them.  A list that
-- is never replaced would keep a row for each entry and epoch.

CREATE INDEX revisions_given ON revisions (segment) WHERE state = 1 AND mode = 2 AND tidied = 0;

-- Erases those of one part; how many rows went, 0 when there is nothing to do.  Runs as the caller (platesieve_gate).
CREATE FUNCTION token_edits_tidy() RETURNS bigint LANGUAGE plpgsql SET search_path = platesieve, pg_temp AS $$
DECLARE
    given int;
    its_part int;
    n bigint;
BEGIN
    SELECT segment INTO given FROM revisions WHERE state = 1 AND mode = 2 AND tidied = 0 ORDER BY segment LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT found THEN
        RETURN 0;
    END IF;
    SELECT part INTO its_part FROM edits WHERE segment = given ORDER BY segment, part LIMIT 1;
    IF NOT found THEN
        UPDATE revisions SET tidied = 1 WHERE segment = given;
        RETURN 1;
    END IF;
    DELETE FROM edits WHERE segment = given AND part = its_part;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n + 1;
END $$;

REVOKE ALL ON FUNCTION token_edits_tidy() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION token_edits_tidy() TO platesieve_gate;
