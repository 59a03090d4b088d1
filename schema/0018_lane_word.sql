-- The lane's word on a hit: that the officer there has seen the alert (acknowledged), and what he takes it for.  It stands beside the agency's verdict
-- and never in its place: it erases nothing and counts nowhere.  Written by platesieve_gate, through lane_judge(); it goes with its hit, and with a misread.

ALTER TABLE hits
    ADD COLUMN lane_judgement       smallint NOT NULL DEFAULT 0 CHECK (lane_judgement BETWEEN 0 AND 4),   -- as verdicts: 0005_verdicts.sql
    ADD COLUMN lane_judged_at       timestamptz,    -- by the lane's clock, as is the next
    ADD COLUMN lane_acknowledged_at timestamptz,
    ADD COLUMN lane_words           smallint NOT NULL DEFAULT 0;                                           -- that changed something

-- New columns are kept out of the planner's statistics, like all of a hit (0014_inference.sql).
SELECT forget_statistics('hits');
SELECT forget_statistics(day_partition('hits', day)) FROM days_standing() AS day WHERE to_regclass(day_partition('hits', day)) IS NOT NULL;

-- Takes the word of a lane on the hit that it was told of as ITS_ID, by the hit's own name or that of a read that was counted on it: WORD 0 is an
-- acknowledgement, the others are judgements.  The first acknowledgement stands, and the latest judgement, by the time that the lane tells; what changes
-- nothing may come again.  No row: there is no such hit of this lane that it was told of.  OUTCOME 0: done; 1: the hit was recorded more than MOST_S ago;
-- 2: it has had MOST such words.  The hit's row is locked, so that a verdict of misread comes before or after.
CREATE FUNCTION lane_judge(its_id uuid, its_site text, its_lane text, word smallint, said_at timestamptz, most int, most_s int)
RETURNS TABLE (outcome int, judgement smallint, judged_at timestamptz, acknowledged_at timestamptz)
LANGUAGE plpgsql SET search_path = platesieve, pg_temp AS $$
DECLARE
    h record;
    words smallint;
BEGIN
    EXECUTE 'SELECT h.id, h.drop_on, h.recorded_at, h.lane_judgement, h.lane_judged_at, h.lane_acknowledged_at, h.lane_words FROM hits h'
            ' WHERE h.drop_on = ANY ($4) AND h.site = $2 AND h.lane = $3 AND NOT h.covert AND h.verdict <> 2'
            '   AND h.id IN (SELECT $1 UNION ALL SELECT t.hit FROM sightings t WHERE t.drop_on = ANY ($4) AND t.id = $1)'
            ' LIMIT 1 FOR UPDATE OF h'
       INTO h USING its_id, its_site, its_lane, recent_days();
    IF h.id IS NULL THEN
        RETURN;
    END IF;
    judgement := h.lane_judgement;
    judged_at := h.lane_judged_at;
    acknowledged_at := h.lane_acknowledged_at;
    IF word = 0 THEN
        acknowledged_at := least(acknowledged_at, said_at);
    ELSIF judged_at IS NULL OR said_at >= judged_at THEN
        judgement := word;
        judged_at := said_at;
    END IF;
    outcome := 0;
    IF (judgement, judged_at, acknowledged_at) IS DISTINCT FROM (h.lane_judgement, h.lane_judged_at, h.lane_acknowledged_at) THEN
        words := h.lane_words + 1;
        outcome := CASE WHEN h.recorded_at < clock_timestamp() - make_interval(secs => most_s) THEN 1 WHEN words > most THEN 2 ELSE 0 END;
        IF outcome = 0 THEN
            UPDATE hits SET lane_judgement = judgement, lane_judged_at = judged_at, lane_acknowledged_at = acknowledged_at, lane_words = words
             WHERE id = h.id AND drop_on = h.drop_on;
        END IF;
    END IF;
    RETURN NEXT;
END $$;
REVOKE ALL ON FUNCTION lane_judge(uuid, text, text, smallint, timestamptz, int, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lane_judge(uuid, text, text, smallint, timestamptz, int, int) TO platesieve_gate;

-- As before, and what the lane said of a misread goes with the rest.
CREATE OR REPLACE FUNCTION hit_erase(its_id uuid, its_drop_on date)
RETURNS void LANGUAGE plpgsql SET search_path = platesieve, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    hanging text;
BEGIN
    -- whatever else hangs on a hit, by its columns hit and drop_on: evidence, and what may come.  Places in partners' feeds say nothing.
    FOR hanging IN SELECT name FROM day_tables WHERE name NOT IN ('hits', 'sightings', 'shared_hits') ORDER BY place LOOP
        EXECUTE format('DELETE FROM %I WHERE hit = $1 AND drop_on = $2', hanging) USING its_id, its_drop_on;
    END LOOP;
    UPDATE sightings SET seen_at = date_trunc('day', seen_at) WHERE drop_on = its_drop_on AND (id = its_id OR hit = its_id AND hit <> id);
    UPDATE hits SET seen_at = date_trunc('day', seen_at), last_seen_at = date_trunc('day', seen_at), recorded_at = date_trunc('day', seen_at),
                    entry = 0, revision = 0, age_s = 0, confidence = 0, grade = 0, candidate = 0, verify = false, site = '', lane = '',
                    reference = '', evidence = 0, lane_judgement = 0, lane_judged_at = NULL, lane_acknowledged_at = NULL, lane_words = 0
     WHERE id = its_id AND drop_on = its_drop_on;
END $$;

-- -- partners see it, too (0012_sharing.sql) ------------------------------------------------------------------------------------------------------

ALTER TYPE shared_hit ADD ATTRIBUTE lane_judgement smallint, ADD ATTRIBUTE lane_judged_at timestamptz, ADD ATTRIBUTE lane_acknowledged_at timestamptz;

CREATE OR REPLACE FUNCTION shared_hits_after(after bigint, upto bigint, days date[], most int) RETURNS SETOF shared_hit
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = platesieve, pg_temp AS $$
DECLARE
    me text := app_agency();
BEGIN
    IF me IS NULL OR NOT EXISTS (SELECT FROM list_shares WHERE partner = me AND revoked_at IS NULL) THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE
        'SELECT h.id, s.list_id, h.reference, h.site, h.lane, h.seen_at, h.recorded_at, h.last_seen_at, h.grade, h.candidate, h.confidence,'
        '       h.revision, h.age_s, h.count, x.cursor, h.verify, h.covert, 0::bigint, h.verdict, h.verdict_at, h.verdict_by, h.action, h.evidence,'
        '       x.agency, s.owner, h.lane_judgement, h.lane_judged_at, h.lane_acknowledged_at'
        '  FROM shared_hits x JOIN list_shares s ON s.number = x.share JOIN hits h ON h.id = x.hit AND h.drop_on = x.drop_on'
        ' WHERE x.agency = $1 AND x.cursor > $2 AND x.cursor <= $3 AND x.drop_on = ANY ($4) AND h.drop_on = ANY ($4) AND x.drop_on > utc_today()'
        '   AND s.revoked_at IS NULL AND s.from_at <= statement_timestamp() AND s.until_at > statement_timestamp() AND h.verdict <> 2'
        ' ORDER BY x.cursor LIMIT $5'
        USING me, after, upto, days, most;
END $$;

CREATE OR REPLACE FUNCTION shared_hit_of(its_id uuid) RETURNS SETOF shared_hit
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = platesieve, pg_temp AS $$
DECLARE
    me text := app_agency();
BEGIN
    IF me IS NULL OR NOT EXISTS (SELECT FROM list_shares WHERE partner = me AND revoked_at IS NULL) THEN
        RETURN;
    END IF;
    RETURN QUERY
        SELECT h.id, s.list_id, h.reference, h.site, h.lane, h.seen_at, h.recorded_at, h.last_seen_at, h.grade, h.candidate, h.confidence,
               h.revision, h.age_s, h.count, x.cursor, h.verify, h.covert, 0::bigint, h.verdict, h.verdict_at, h.verdict_by, h.action, h.evidence,
               x.agency, s.owner, h.lane_judgement, h.lane_judged_at, h.lane_acknowledged_at
          FROM shared_hits x JOIN list_shares s ON s.number = x.share JOIN hits h ON h.id = x.hit AND h.drop_on = x.drop_on
         WHERE x.hit = its_id AND x.agency = me AND x.drop_on > utc_today()
           AND s.revoked_at IS NULL AND s.from_at <= statement_timestamp() AND s.until_at > statement_timestamp()
         ORDER BY x.cursor DESC LIMIT 1;
END $$;
