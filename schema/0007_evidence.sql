-- Evidence: pictures of hits, sealed by lanes to the recipients of the list's header.  It hangs on a hit, goes with it on its day, and with a
-- verdict of misread (hit_erase()).  Uniform bytes: nothing here opens them.

CREATE TABLE evidence (
    hit         uuid NOT NULL,
    drop_on     date NOT NULL,                      -- the hit's
    list        int NOT NULL,
    piece       smallint NOT NULL CHECK (piece BETWEEN 1 AND 4),
    uploaded_at timestamptz NOT NULL,
    agency      text NOT NULL,                      -- the list's
    header      bytea NOT NULL CHECK (octet_length(header) = 32),   -- id of the header that it is sealed by
    sha256      bytea NOT NULL CHECK (octet_length(sha256) = 32),
    recipients  text[] NOT NULL,                    -- names of their certificates
    cms         bytea NOT NULL CHECK (octet_length(cms) BETWEEN 1 AND 1048576),
    PRIMARY KEY (hit, drop_on, piece)
) PARTITION BY RANGE (drop_on);
ALTER TABLE evidence ALTER cms SET STORAGE EXTERNAL; -- don't try to compress it

ALTER TABLE hits ADD COLUMN evidence smallint NOT NULL DEFAULT 0;   -- pieces

ALTER TABLE evidence ENABLE ROW LEVEL SECURITY;
ALTER TABLE evidence FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON evidence TO platesieve_gate USING (drop_on > utc_today()) WITH CHECK (drop_on > utc_today());
CREATE POLICY own ON evidence FOR SELECT TO platesieve_agency
    USING (agency = current_setting('app.agency', true) AND drop_on > utc_today());
CREATE POLICY keeper ON evidence FOR SELECT TO platesieve_owner USING (true);
GRANT SELECT, INSERT, DELETE ON evidence TO platesieve_gate;
GRANT SELECT ON evidence TO platesieve_agency;
SELECT day_table_add('evidence', 100);

-- The days under which a hit of these last days lies, whatever list it is of.
CREATE FUNCTION recent_days() RETURNS date[] LANGUAGE sql STABLE SET search_path = platesieve, pg_temp AS $$
    SELECT ARRAY(SELECT DISTINCT utc_today() + ahead + days + 1 FROM (SELECT DISTINCT days FROM retentions) r, generate_series(-3, 1) AS ahead
                  WHERE utc_today() + ahead + days + 1 > utc_today())
$$;

-- The hit that a lane was told of as ITS_ID, if it is this lane's and it was told of it: by its own name, or that of a read that was counted
-- on it.  KNOWN is the piece that has this digest, 0: none; AGE_S since the hit was recorded.
CREATE FUNCTION evidence_find(its_id uuid, its_site text, its_lane text, its_sha256 bytea)
RETURNS TABLE (hit uuid, drop_on date, list int, agency text, list_id text, age_s double precision, pieces smallint, known smallint)
LANGUAGE plpgsql SET search_path = platesieve, pg_temp AS $$
BEGIN
    RETURN QUERY EXECUTE
        'SELECT h.id, h.drop_on, h.list, h.agency, l.id, extract(epoch FROM clock_timestamp() - h.recorded_at)::float8, h.evidence,'
        '       coalesce((SELECT e.piece FROM evidence e WHERE e.drop_on = h.drop_on AND e.hit = h.id AND e.sha256 = $4), 0::smallint)'
        '  FROM hits h JOIN lists l ON l.number = h.list'
        ' WHERE h.drop_on = ANY ($5) AND h.site = $2 AND h.lane = $3 AND NOT h.covert AND h.verdict <> 2'
        '   AND h.id IN (SELECT $1 UNION ALL SELECT t.hit FROM sightings t WHERE t.drop_on = ANY ($5) AND t.id = $1)'
        ' LIMIT 1'
        USING its_id, its_site, its_lane, its_sha256, recent_days();
END $$;

-- Stores a piece.  Its number; 0: there are MOST already; -1: the hit is gone, or erased.  One that is stored already keeps its number.  The
-- hit's row is locked, so that a verdict of misread comes before or after.
CREATE FUNCTION evidence_store(its_hit uuid, its_drop_on date, its_header bytea, its_sha256 bytea, its_recipients text[], its_cms bytea, most int)
RETURNS int LANGUAGE plpgsql SET search_path = platesieve, pg_temp AS $$
DECLARE
    h record;
    found_piece int;
BEGIN
    SELECT x.list, x.agency, x.evidence INTO h FROM hits x WHERE x.id = its_hit AND x.drop_on = its_drop_on AND x.verdict <> 2 FOR UPDATE;
    IF NOT found THEN
        RETURN -1;
    END IF;
    SELECT e.piece INTO found_piece FROM evidence e WHERE e.hit = its_hit AND e.drop_on = its_drop_on AND e.sha256 = its_sha256;
    IF found THEN
        RETURN found_piece;
    END IF;
    IF h.evidence >= most THEN
        RETURN 0;
    END IF;
    INSERT INTO evidence (hit, drop_on, list, piece, uploaded_at, agency, header, sha256, recipients, cms)
    VALUES (its_hit, its_drop_on, h.list, h.evidence + 1, clock_timestamp(), h.agency, its_header, its_sha256, its_recipients, its_cms);
    UPDATE hits SET evidence = h.evidence + 1 WHERE id = its_hit AND drop_on = its_drop_on;
    RETURN h.evidence + 1;
END $$;

REVOKE ALL ON FUNCTION recent_days(), evidence_find(uuid, text, text, bytea), evidence_store(uuid, date, bytea, bytea, text[], bytea, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION recent_days(), evidence_find(uuid, text, text, bytea), evidence_store(uuid, date, bytea, bytea, text[], bytea, int)
    TO platesieve_gate;
