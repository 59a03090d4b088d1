-- Verdicts: what an agency found when it looked at a hit, and what is counted of it.  A misread is erased at once: of the hit stays a stone
-- that says so (its id, its list, its agency, the day on which it goes, how often it was read), of its sightings what tells a retry
-- from a new read.  Counts stay: of a list by day, of an entry by lane.
--
-- All of this is written by platesieve_gate alone, through the functions below; an agency's role reads.
-- Locks are taken in this order: agencies by name, a hit, entry_verdicts, list_days.

ALTER TABLE hits
    ADD COLUMN verdict    smallint NOT NULL DEFAULT 0 CHECK (verdict BETWEEN 0 AND 4), -- none, confirmed, misread, wrong jurisdiction, stale entry
    ADD COLUMN verdict_at timestamptz,
    ADD COLUMN verdict_by text CHECK (octet_length(verdict_by) <= 128),
    ADD COLUMN action     text CHECK (octet_length(action) <= 16);

-- Repeats of a hit, to be found by it; the first sighting of a hit bears its id.
CREATE INDEX sightings_repeats ON sightings (hit) WHERE hit <> id;
GRANT UPDATE (seen_at) ON sightings TO platesieve_gate;

-- What a list's hits of one day (UTC, of seen_at) were.  Outlives them: counts, and nothing else.
CREATE TABLE list_days (
    list      int NOT NULL,
    day       date NOT NULL,
    grade     smallint NOT NULL,
    hits      bigint NOT NULL DEFAULT 0,
    reads     bigint NOT NULL DEFAULT 0,            -- that are counted on hits
    confirmed bigint NOT NULL DEFAULT 0,
    misread   bigint NOT NULL DEFAULT 0,
    wrong     bigint NOT NULL DEFAULT 0,            -- of another jurisdiction
    stale     bigint NOT NULL DEFAULT 0,            -- the entry should have been gone
    corrected bigint NOT NULL DEFAULT 0,            -- verdicts that took the place of another
    PRIMARY KEY (list, day, grade)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- Verdicts on the hits of one entry at one lane.  A row ends when the last hit that it counts would have been dropped.
CREATE TABLE entry_verdicts (
    list      int NOT NULL,
    entry     bigint NOT NULL,                      -- key
    site      text NOT NULL,
    lane      text NOT NULL,
    confirmed int NOT NULL DEFAULT 0,
    misread   int NOT NULL DEFAULT 0,
    wrong     int NOT NULL DEFAULT 0,
    stale     int NOT NULL DEFAULT 0,
    ends_on   date NOT NULL,
    PRIMARY KEY (list, entry, site, lane)
) WITH (fillfactor = 80);
CREATE INDEX entry_verdicts_ends ON entry_verdicts (ends_on);

ALTER TABLE list_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE list_days FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON list_days TO platesieve_gate USING (true) WITH CHECK (true);
CREATE POLICY own ON list_days FOR SELECT TO platesieve_agency
    USING (list IN (SELECT number FROM lists WHERE agency = current_setting('app.agency', true)));
GRANT SELECT, INSERT, UPDATE, DELETE ON list_days TO platesieve_gate;
GRANT SELECT ON list_days TO platesieve_agency;

ALTER TABLE entry_verdicts ENABLE ROW LEVEL SECURITY;
ALTER TABLE entry_verdicts FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON entry_verdicts TO platesieve_gate USING (true) WITH CHECK (true);
CREATE POLICY own ON entry_verdicts FOR SELECT TO platesieve_agency
    USING (list IN (SELECT number FROM lists WHERE agency = current_setting('app.agency', true)));
GRANT SELECT, INSERT, UPDATE, DELETE ON entry_verdicts TO platesieve_gate;
GRANT SELECT ON entry_verdicts TO platesieve_agency;

-- Adds BY_N to the counts of a verdict: of its list's day, and of its entry at its lane.
CREATE FUNCTION verdict_count(its_list int, its_day date, its_grade smallint, its_entry bigint, its_site text, its_lane text, its_end date,
                              its_verdict smallint, by_n int)
RETURNS void LANGUAGE plpgsql SET search_path = platesieve, pg_temp AS $$
BEGIN
    INSERT INTO entry_verdicts AS v (list, entry, site, lane, confirmed, misread, wrong, stale, ends_on)
    VALUES (its_list, its_entry, its_site, its_lane, greatest(0, CASE its_verdict WHEN 1 THEN by_n ELSE 0 END),
            greatest(0, CASE its_verdict WHEN 2 THEN by_n ELSE 0 END), greatest(0, CASE its_verdict WHEN 3 THEN by_n ELSE 0 END),
            greatest(0, CASE its_verdict WHEN 4 THEN by_n ELSE 0 END), its_end)
    ON CONFLICT (list, entry, site, lane) DO UPDATE
       SET confirmed = greatest(0, v.confirmed + CASE its_verdict WHEN 1 THEN by_n ELSE 0 END),
           misread = greatest(0, v.misread + CASE its_verdict WHEN 2 THEN by_n ELSE 0 END),
           wrong = greatest(0, v.wrong + CASE its_verdict WHEN 3 THEN by_n ELSE 0 END),
           stale = greatest(0, v.stale + CASE its_verdict WHEN 4 THEN by_n ELSE 0 END),
           ends_on = greatest(v.ends_on, its_end);
    INSERT INTO list_days AS d (list, day, grade, confirmed, misread, wrong, stale, corrected)
    VALUES (its_list, its_day, its_grade, greatest(0, CASE its_verdict WHEN 1 THEN by_n ELSE 0 END),
            greatest(0, CASE its_verdict WHEN 2 THEN by_n ELSE 0 END), greatest(0, CASE its_verdict WHEN 3 THEN by_n ELSE 0 END),
            greatest(0, CASE its_verdict WHEN 4 THEN by_n ELSE 0 END), greatest(0, - by_n))
    ON CONFLICT (list, day, grade) DO UPDATE
       SET confirmed = greatest(0, d.confirmed + CASE its_verdict WHEN 1 THEN by_n ELSE 0 END),
           misread = greatest(0, d.misread + CASE its_verdict WHEN 2 THEN by_n ELSE 0 END),
           wrong = greatest(0, d.wrong + CASE its_verdict WHEN 3 THEN by_n ELSE 0 END),
           stale = greatest(0, d.stale + CASE its_verdict WHEN 4 THEN by_n ELSE 0 END),
           corrected = d.corrected + greatest(0, - by_n);
END $$;

-- Hits begun since a time not long ago, for the cooldown of a gate that starts.
CREATE FUNCTION hits_recent(since timestamptz)
RETURNS TABLE (id uuid, entry bigint, list int, revision int, age_s int, cooldown_s int, seen_at timestamptz, grade smallint,
               candidate smallint, covert boolean, verify boolean, confidence real, site text, lane text)
LANGUAGE plpgsql SET search_path = platesieve, pg_temp AS $$
BEGIN
    RETURN QUERY EXECUTE
        'SELECT h.id, h.entry, h.list, h.revision, h.age_s, l.cooldown_s, h.seen_at, h.grade, h.candidate, h.covert, h.verify, h.confidence,'
        ' h.site, h.lane FROM hits h JOIN lists l ON l.number = h.list WHERE h.drop_on = ANY ($1) AND h.seen_at >= $2 AND h.verdict <> 2 ORDER BY h.seen_at'
        USING ARRAY(SELECT DISTINCT drop_day(l.number, day::date) FROM lists l,
                           generate_series((since AT TIME ZONE 'UTC')::date, utc_today() + 1, interval '1 day') AS day), since;
END $$;

REVOKE ALL ON FUNCTION verdict_count(int, date, smallint, bigint, text, text, date, smallint, int), hits_recent(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION verdict_count(int, date, smallint, bigint, text, text, date, smallint, int), hits_recent(timestamptz) TO platesieve_gate;
