-- A hit says the strongest grade that matched, also when a later look at the vehicle, or another read in the cooldown, matched at it: with the candidate and the
-- confidence of that look.  What is counted by grade (list_days) stays with the first.

CREATE OR REPLACE FUNCTION sightings_store(ids uuid[], names uuid[], seen timestamptz[], entries bigint[], list_numbers int[], revisions int[],
                                ages int[], cooldowns int[], grades smallint[], candidates smallint[], verifies boolean[],
                                coverts boolean[], confidences real[], sites text[], lanes text[], OUT unknown int, OUT late int)
LANGUAGE plpgsql SET search_path = platesieve, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    today date := utc_today();
    days date[];
    stored sighting_place[];
    places hit_place[];                             -- hits that were there, and hits begun here
    begun text[] := '{}';                           -- hits: agency, day, cursor
    begun_on date[] := '{}';
    begun_as bigint[] := '{}';
    begun_ids uuid[] := '{}';
    begun_lists int[] := '{}';
    begun_at timestamptz[] := '{}';
    partners text[];                                -- whom the lists are shared with
    raised uuid[] := '{}';                          -- hits: id, day, time of the read
    raised_on date[] := '{}';
    raised_at timestamptz[] := '{}';
    stones uuid[];                                  -- of those raised, the erased
    seen_better uuid[] := '{}';                     -- hits that were matched again: id, and how
    better_on date[] := '{}';
    better_grades smallint[] := '{}';
    better_candidates smallint[] := '{}';
    better_confidences real[] := '{}';
    known uuid;
    counted_lists int[] := '{}';                    -- what was stored, for list_days
    counted_days date[] := '{}';
    counted_grades smallint[] := '{}';
    counted_fresh int[] := '{}';
    s record;
    target hit_place;
    whose text := '';
    young bigint := 0;
BEGIN
    partners := ARRAY(SELECT DISTINCT partner FROM list_shares
                       WHERE list = ANY (list_numbers) AND revoked_at IS NULL AND until_at > now() AND NOT only_confirmed);
    PERFORM FROM agencies WHERE name = ANY (partners) OR name IN (SELECT agency FROM lists WHERE number = ANY (list_numbers))
      ORDER BY name FOR UPDATE;
    days := ARRAY(SELECT DISTINCT drop_day(u.list, u.day + near)
                    FROM (SELECT DISTINCT v.list, (v.seen_at AT TIME ZONE 'UTC')::date AS day FROM unnest(list_numbers, seen) AS v (list, seen_at)) u,
                         generate_series(-2, 2) AS near
                   WHERE drop_day(u.list, u.day + near) > today);
    EXECUTE 'SELECT coalesce(array_agg((t.id, t.hit)::sighting_place), ''{}'') FROM sightings t WHERE t.drop_on = ANY ($1) AND t.id = ANY ($2)'
       INTO stored USING days, ids || names;
    EXECUTE 'SELECT coalesce(array_agg((h.id, h.drop_on, h.seen_at, h.entry, h.list, h.site, h.lane)::hit_place), ''{}'') FROM hits h'
            ' WHERE h.drop_on = ANY ($1) AND (h.id = ANY ($2) OR h.agency = ANY ($6) AND h.entry = ANY ($3) AND h.seen_at >= $4 AND h.seen_at <= $5)'
       INTO places
      USING days, names || ARRAY(SELECT hit FROM unnest(stored)), entries,
            (SELECT min(t) - make_interval(secs => (SELECT max(c) FROM unnest(cooldowns) AS c)) FROM unnest(seen) AS t),
            (SELECT max(t) + make_interval(secs => (SELECT max(c) FROM unnest(cooldowns) AS c)) FROM unnest(seen) AS t),
            ARRAY(SELECT DISTINCT agency FROM lists WHERE number = ANY (list_numbers));
    late := 0;
    FOR s IN
        SELECT u.*, l.agency, drop_day(u.list, (u.seen_at AT TIME ZONE 'UTC')::date) AS drop_on
          FROM unnest(ids, names, seen, entries, list_numbers, revisions, ages, cooldowns, grades, candidates, verifies, coverts,
                      confidences, sites, lanes) WITH ORDINALITY
               AS u (id, name, seen_at, entry, list, revision, age_s, cooldown_s, grade, candidate, verify, covert, confidence, site, lane, n)
          JOIN lists l ON l.number = u.list
         ORDER BY l.agency, u.n
    LOOP
        target := NULL;
        known := (SELECT t.hit FROM unnest(stored) AS t WHERE t.id = s.id LIMIT 1);
        IF known IS NOT NULL THEN
            SELECT h.* INTO target FROM unnest(places) AS h WHERE h.id = known;
        END IF;
        IF target.id IS NOT NULL THEN
            seen_better := array_append(seen_better, target.id);
            better_on := array_append(better_on, target.drop_on);
            better_grades := array_append(better_grades, s.grade);
            better_candidates := array_append(better_candidates, s.candidate);
            better_confidences := array_append(better_confidences, s.confidence);
        END IF;
        CONTINUE WHEN known IS NOT NULL;
        IF s.drop_on <= today THEN
            late := late + 1;
            CONTINUE;
        END IF;
        IF s.agency <> whose THEN
            UPDATE agencies SET hit_cursor = young WHERE name = whose AND hit_cursor <> young;
            whose := s.agency;
            SELECT hit_cursor INTO STRICT young FROM agencies WHERE name = whose;
        END IF;
        SELECT h.* INTO target FROM unnest(places) AS h WHERE h.id = s.name;
        IF target.id IS NULL AND s.name <> s.id THEN
            SELECT h.* INTO target FROM unnest(stored) AS t JOIN unnest(places) AS h ON h.id = t.hit WHERE t.id = s.name;
        END IF;
        IF target.id IS NULL AND s.cooldown_s > 0 THEN
            SELECT h.* INTO target FROM unnest(places) AS h
             WHERE h.entry = s.entry AND h.list = s.list AND h.site = s.site AND h.lane = s.lane
               AND h.seen_at > s.seen_at - make_interval(secs => s.cooldown_s)
               AND h.seen_at < s.seen_at + make_interval(secs => s.cooldown_s)
             ORDER BY h.seen_at <= s.seen_at DESC, abs(extract(epoch FROM h.seen_at - s.seen_at)) LIMIT 1;
        END IF;
        IF target.id IS NULL THEN
            young := young + 1;
            target := (s.name, s.drop_on, s.seen_at, s.entry, s.list, s.site, s.lane);
            INSERT INTO hits (id, seen_at, last_seen_at, recorded_at, entry, cursor, drop_on, list, revision, age_s, count, confidence, grade,
                              candidate, verify, covert, agency, site, lane, reference)
            VALUES (s.name, s.seen_at, s.seen_at, clock_timestamp(), s.entry, young, s.drop_on, s.list, s.revision, s.age_s, 1, s.confidence,
                    s.grade, s.candidate, s.verify, s.covert, s.agency, s.site, s.lane,
                    coalesce((SELECT e.reference FROM entries e WHERE e.list = s.list AND e.key = s.entry LIMIT 1), ''));
            places := array_append(places, target);
            counted_fresh := array_append(counted_fresh, 1);
            begun := array_append(begun, s.agency);
            begun_on := array_append(begun_on, s.drop_on);
            begun_as := array_append(begun_as, young);
            begun_ids := array_append(begun_ids, s.name);
            begun_lists := array_append(begun_lists, s.list);
            begun_at := array_append(begun_at, clock_timestamp());
        ELSE
            raised := array_append(raised, target.id);
            raised_on := array_append(raised_on, target.drop_on);
            raised_at := array_append(raised_at, s.seen_at);
            seen_better := array_append(seen_better, target.id);
            better_on := array_append(better_on, target.drop_on);
            better_grades := array_append(better_grades, s.grade);
            better_candidates := array_append(better_candidates, s.candidate);
            better_confidences := array_append(better_confidences, s.confidence);
            counted_fresh := array_append(counted_fresh, 0);
        END IF;
        INSERT INTO sightings (id, hit, seen_at, drop_on, list) VALUES (s.id, target.id, s.seen_at, target.drop_on, s.list);
        stored := array_append(stored, (s.id, target.id)::sighting_place);
        counted_lists := array_append(counted_lists, s.list);
        counted_days := array_append(counted_days, (s.seen_at AT TIME ZONE 'UTC')::date);
        counted_grades := array_append(counted_grades, s.grade);
    END LOOP;
    UPDATE agencies SET hit_cursor = young WHERE name = whose AND hit_cursor <> young;
    IF cardinality(begun) > 0 THEN
        PERFORM feed_note(begun, begun_on, begun_as);
        IF cardinality(partners) > 0 THEN
            PERFORM hits_share(begun_ids, begun_on, begun_lists, begun_at, partners, false);
        END IF;
    END IF;
    IF cardinality(raised) > 0 THEN
        EXECUTE 'WITH touched AS (UPDATE hits h SET count = h.count + r.reads,'
                '           last_seen_at = CASE h.verdict WHEN 2 THEN h.last_seen_at ELSE greatest(h.last_seen_at, r.last) END'
                '      FROM (SELECT id, drop_on, count(*) AS reads, max(seen_at) AS last FROM unnest($2, $3, $4) AS u (id, drop_on, seen_at) GROUP BY id, drop_on) r'
                '     WHERE h.drop_on = ANY ($1) AND h.id = r.id AND h.drop_on = r.drop_on RETURNING h.id, h.verdict)'
                ' SELECT coalesce(array_agg(id), ''{}'') FROM touched WHERE verdict = 2'
           INTO stones USING ARRAY(SELECT DISTINCT unnest(raised_on)), raised, raised_on, raised_at;
        IF cardinality(stones) > 0 THEN
            EXECUTE 'UPDATE sightings t SET seen_at = date_trunc(''day'', t.seen_at, ''UTC'')'
                    ' WHERE t.drop_on = ANY ($1) AND t.id = ANY ($2) AND t.hit = ANY ($3)'
              USING ARRAY(SELECT DISTINCT unnest(raised_on)), ids, stones;
        END IF;
    END IF;
    IF cardinality(seen_better) > 0 THEN
        EXECUTE 'UPDATE hits h SET grade = b.grade, candidate = b.candidate, confidence = b.confidence'
                '  FROM (SELECT DISTINCT ON (id) * FROM unnest($2, $3, $4, $5, $6) AS u (id, drop_on, grade, candidate, confidence)'
                '         ORDER BY id, grade, confidence DESC) b'
                ' WHERE h.drop_on = ANY ($1) AND h.id = b.id AND h.drop_on = b.drop_on AND h.verdict <> 2 AND b.grade < h.grade'
          USING ARRAY(SELECT DISTINCT unnest(better_on)), seen_better, better_on, better_grades, better_candidates, better_confidences;
    END IF;
    INSERT INTO list_days AS d (list, day, grade, hits, reads)
    SELECT u.list, u.day, u.grade, sum(u.fresh), count(*) FROM unnest(counted_lists, counted_days, counted_grades, counted_fresh) AS u (list, day, grade, fresh)
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (list, day, grade) DO UPDATE SET hits = d.hits + excluded.hits, reads = d.reads + excluded.reads;
    unknown := (SELECT count(*) FROM unnest(list_numbers) AS u (list) WHERE NOT EXISTS (SELECT FROM lists WHERE number = u.list));
END $$;
