-- Sharing: an agency lets another see the hits of one of its lists, for a time.  A hit that is recorded while the share is in force (or, if
-- the share says so, one that is confirmed then) gets a place in the partner's feed, under a cursor of the partner's own; what it says stays
-- where it is.  So a misread is erased for both, a hit is dropped for both, and a share that ended or was revoked shows nothing any more.
--
-- All of this is written by platesieve_gate alone; an agency's role reads.  Locks: agencies by name first, as everywhere.

CREATE TABLE list_shares (
    number         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    list           int NOT NULL REFERENCES lists,
    owner          text NOT NULL REFERENCES agencies,
    list_id        text NOT NULL,
    partner        text NOT NULL REFERENCES agencies CHECK (partner <> owner),
    from_at        timestamptz NOT NULL,
    until_at       timestamptz NOT NULL,
    only_confirmed boolean NOT NULL,
    verdicts       boolean NOT NULL,                -- the partner may give them
    covert         boolean NOT NULL,                -- the list's: the partner does not see the list
    note           text NOT NULL CHECK (octet_length(note) <= 200),
    created_at     timestamptz NOT NULL DEFAULT now(),
    created_by     text NOT NULL CHECK (octet_length(created_by) <= 128),
    changed_at     timestamptz NOT NULL DEFAULT now(),
    changed_by     text NOT NULL CHECK (octet_length(changed_by) <= 128),
    revoked_at     timestamptz,
    CHECK (until_at > from_at)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX list_shares_standing ON list_shares (list, partner) WHERE revoked_at IS NULL;
CREATE INDEX list_shares_partner ON list_shares (partner) WHERE revoked_at IS NULL;
CREATE INDEX list_shares_owner ON list_shares (owner);

CREATE TABLE shared_hits (
    agency  text NOT NULL,                          -- the partner
    cursor  bigint NOT NULL,                        -- from its hit_cursor
    hit     uuid NOT NULL,
    drop_on date NOT NULL,                          -- the hit's
    list    int NOT NULL,
    share   int NOT NULL,
    PRIMARY KEY (agency, cursor, drop_on)
) PARTITION BY RANGE (drop_on);
CREATE INDEX shared_hits_hit ON shared_hits (hit, agency);

ALTER TABLE list_shares ENABLE ROW LEVEL SECURITY;
ALTER TABLE list_shares FORCE ROW LEVEL SECURITY;
CREATE POLICY keeper ON list_shares TO platesieve_owner USING (true) WITH CHECK (true);
CREATE POLICY gate ON list_shares TO platesieve_gate USING (true) WITH CHECK (true);
CREATE POLICY own ON list_shares FOR SELECT TO platesieve_agency USING (owner = (SELECT app_agency()) OR partner = (SELECT app_agency()));
GRANT SELECT, INSERT, UPDATE, DELETE ON list_shares TO platesieve_gate;
GRANT SELECT ON list_shares TO platesieve_agency;
GRANT INSERT (name) ON agencies TO platesieve_gate;     -- a partner without a list of its own

ALTER TABLE shared_hits ENABLE ROW LEVEL SECURITY;
ALTER TABLE shared_hits FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON shared_hits TO platesieve_gate USING (drop_on > utc_today()) WITH CHECK (drop_on > utc_today());
CREATE POLICY own ON shared_hits FOR SELECT TO platesieve_agency USING (agency = (SELECT app_agency()) AND drop_on > utc_today());
CREATE POLICY keeper ON shared_hits FOR SELECT TO platesieve_owner USING (true);
GRANT SELECT, INSERT ON shared_hits TO platesieve_gate;
GRANT SELECT ON shared_hits TO platesieve_agency;
SELECT day_table_add('shared_hits', 100);

-- A list that becomes covert, or open, is so for its partners.
CREATE FUNCTION share_covert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = platesieve, pg_temp AS $$
BEGIN
    UPDATE list_shares SET covert = NEW.covert WHERE list = NEW.number AND covert <> NEW.covert;
    RETURN NULL;
END $$;
CREATE TRIGGER share_covert AFTER UPDATE OF covert ON lists FOR EACH ROW WHEN (OLD.covert IS DISTINCT FROM NEW.covert) EXECUTE FUNCTION share_covert();

-- -- what a partner sees -----------------------------------------------------------------------------------------------------------------------
-- Functions of the owner, which ask whose transaction it is: exactly the hits that have a place in its feed under a share that is in force.
-- What they look for lies under given days, so that they are planned with the days at hand.

-- Is the hit shared with the agency whose transaction this is?  For policies on what hangs on a hit.
CREATE FUNCTION shared_with_me(its_hit uuid, day date) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = platesieve, pg_temp AS $$
DECLARE
    me text := app_agency();
    answer boolean;
BEGIN
    IF me IS NULL OR day <= utc_today() OR NOT EXISTS (SELECT FROM list_shares WHERE partner = me AND revoked_at IS NULL) THEN
        RETURN false;
    END IF;
    EXECUTE 'SELECT EXISTS (SELECT FROM shared_hits x JOIN list_shares s ON s.number = x.share WHERE x.hit = $1 AND x.drop_on = $2 AND x.agency = $3'
            ' AND s.revoked_at IS NULL AND s.from_at <= statement_timestamp() AND s.until_at > statement_timestamp())'
       INTO answer USING its_hit, day, me;
    RETURN answer;
END $$;

-- Hits of others are read through shared_hits_after() and shared_hit_of() alone.  As one policy more on hits they would open every index to a look for
-- another agency's rows, each of which is then thrown away, and counted.
CREATE POLICY shared ON evidence FOR SELECT TO platesieve_agency USING (drop_on > utc_today() AND shared_with_me(hit, drop_on));

-- A hit as its partner sees it, with the columns that a hit of its own has: `agency` is the reader, `cursor` its own; the key of the entry is the
-- owner's, as the reference is, which only the owner can open.
CREATE TYPE shared_hit AS (id uuid, list_id text, reference text, site text, lane text, seen_at timestamptz, recorded_at timestamptz,
                           last_seen_at timestamptz, grade smallint, candidate smallint, confidence real, revision int, age_s int, count int,
                           cursor bigint, verify boolean, covert boolean, entry bigint, verdict smallint, verdict_at timestamptz, verdict_by text,
                           action text, evidence smallint, agency text, shared_by text);

-- Those after one cursor and up to another, under these days; at most MOST of them (null: all), in order.
CREATE FUNCTION shared_hits_after(after bigint, upto bigint, days date[], most int) RETURNS SETOF shared_hit
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
        '       x.agency, s.owner'
        '  FROM shared_hits x JOIN list_shares s ON s.number = x.share JOIN hits h ON h.id = x.hit AND h.drop_on = x.drop_on'
        ' WHERE x.agency = $1 AND x.cursor > $2 AND x.cursor <= $3 AND x.drop_on = ANY ($4) AND h.drop_on = ANY ($4) AND x.drop_on > utc_today()'
        '   AND s.revoked_at IS NULL AND s.from_at <= statement_timestamp() AND s.until_at > statement_timestamp() AND h.verdict <> 2'
        ' ORDER BY x.cursor LIMIT $5'
        USING me, after, upto, days, most;
END $$;

-- One, by its id; what is left of a misread, too.
CREATE FUNCTION shared_hit_of(its_id uuid) RETURNS SETOF shared_hit
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
               x.agency, s.owner
          FROM shared_hits x JOIN list_shares s ON s.number = x.share JOIN hits h ON h.id = x.hit AND h.drop_on = x.drop_on
         WHERE x.hit = its_id AND x.agency = me AND x.drop_on > utc_today()
           AND s.revoked_at IS NULL AND s.from_at <= statement_timestamp() AND s.until_at > statement_timestamp()
         ORDER BY x.cursor DESC LIMIT 1;
END $$;

-- -- making and ending shares ------------------------------------------------------------------------------------------------------------------

-- Shares a list, or changes the share that stands.  What has begun keeps its beginning; one that is over is another one's place.  0: done; 1: no
-- such list; 2: too many.
CREATE FUNCTION share_put(its_owner text, who text, its_list text, its_partner text, its_from timestamptz, its_until timestamptz,
                          only_if_confirmed boolean, may_judge boolean, its_note text, most int)
RETURNS int LANGUAGE plpgsql SET search_path = platesieve, pg_temp AS $$
DECLARE
    l record;
    s list_shares;
BEGIN
    SELECT number, covert INTO l FROM lists WHERE agency = its_owner AND id = its_list FOR UPDATE;
    IF NOT found THEN
        RETURN 1;
    END IF;
    UPDATE list_shares SET revoked_at = until_at WHERE list = l.number AND revoked_at IS NULL AND until_at <= clock_timestamp();
    SELECT * INTO s FROM list_shares WHERE list = l.number AND partner = its_partner AND revoked_at IS NULL FOR UPDATE;
    IF found THEN
        UPDATE list_shares SET from_at = CASE WHEN s.from_at <= clock_timestamp() THEN s.from_at ELSE greatest(its_from, clock_timestamp()) END,
                               until_at = its_until, only_confirmed = only_if_confirmed, verdicts = may_judge, note = its_note,
                               changed_at = clock_timestamp(), changed_by = who
         WHERE number = s.number;
        RETURN 0;
    END IF;
    IF (SELECT count(*) FROM list_shares WHERE list = l.number AND revoked_at IS NULL) >= most THEN
        RETURN 2;
    END IF;
    INSERT INTO agencies (name) VALUES (its_partner) ON CONFLICT DO NOTHING;
    INSERT INTO list_shares (list, owner, list_id, partner, from_at, until_at, only_confirmed, verdicts, covert, note, created_by, changed_by)
    VALUES (l.number, its_owner, its_list, its_partner, greatest(its_from, clock_timestamp()), its_until, only_if_confirmed, may_judge, l.covert,
            its_note, who, who);
    RETURN 0;
END $$;

CREATE FUNCTION share_revoke(its_owner text, who text, its_list text, its_partner text)
RETURNS boolean LANGUAGE plpgsql SET search_path = platesieve, pg_temp AS $$
BEGIN
    UPDATE list_shares s SET revoked_at = clock_timestamp(), changed_at = clock_timestamp(), changed_by = who
     WHERE s.owner = its_owner AND s.list_id = its_list AND s.partner = its_partner AND s.revoked_at IS NULL AND s.until_at > clock_timestamp();
    RETURN found;
END $$;

-- -- giving hits their places ---------------------------------------------------------------------------------------------------------------------

-- Puts hits of these lists, as they come, into the feeds of the PARTNERS, whose rows the caller has locked: where a share says so for an
-- unconfirmed hit (or CONFIRMED), and the hit has no place under that share yet.
CREATE FUNCTION hits_share(ids uuid[], days date[], list_numbers int[], recorded timestamptz[], partners text[], confirmed boolean)
RETURNS void LANGUAGE plpgsql SET search_path = platesieve, pg_temp AS $$
BEGIN
    WITH fresh AS (
        SELECT u.id, u.day, u.list, s.number AS share, s.partner, row_number() OVER (PARTITION BY s.partner ORDER BY u.n) AS place
          FROM unnest(ids, days, list_numbers, recorded) WITH ORDINALITY AS u (id, day, list, recorded_at, n)
          JOIN list_shares s ON s.list = u.list AND s.partner = ANY (partners)
         WHERE s.revoked_at IS NULL AND s.from_at <= u.recorded_at AND s.until_at > clock_timestamp() AND (confirmed OR NOT s.only_confirmed)
           AND NOT (confirmed AND EXISTS (SELECT FROM shared_hits x WHERE x.hit = u.id AND x.drop_on = u.day AND x.agency = s.partner AND x.share = s.number))
    ), moved AS (
        UPDATE agencies a SET hit_cursor = a.hit_cursor + c.n FROM (SELECT partner, count(*) AS n FROM fresh GROUP BY partner) c
         WHERE a.name = c.partner RETURNING a.name, a.hit_cursor - c.n AS before
    ), placed AS (
        INSERT INTO shared_hits (agency, cursor, hit, drop_on, list, share)
        SELECT f.partner, m.before + f.place, f.id, f.day, f.list, f.share FROM fresh f JOIN moved m ON m.name = f.partner
        RETURNING agency, drop_on, cursor
    )
    INSERT INTO feed_days SELECT agency, drop_on, min(cursor), max(cursor) FROM placed GROUP BY agency, drop_on ORDER BY agency, drop_on
        ON CONFLICT ON CONSTRAINT feed_days_pkey DO UPDATE SET first = least(feed_days.first, excluded.first), last = greatest(feed_days.last, excluded.last);
END $$;

-- Erases what a hit says; the stone stays until its day.  Times become the beginning of their day: a retry of the same read is still known.
-- The caller has locked the hit.
CREATE FUNCTION hit_erase(its_id uuid, its_drop_on date)
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
                    reference = '', evidence = 0
     WHERE id = its_id AND drop_on = its_drop_on;
END $$;

-- Gives a verdict, by the hit's agency or one that it is shared with.  0: done, or said so before; 1: the agency sees no such hit; 2: it was
-- erased; 3: the one that shares it keeps verdicts to itself.
CREATE FUNCTION hit_judge(its_agency text, who text, its_id uuid, its_verdict smallint, its_action text)
RETURNS int LANGUAGE plpgsql SET search_path = platesieve, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    h record;
    may boolean;
    partners text[] := '{}';
BEGIN
    SELECT * INTO h FROM hits WHERE id = its_id;
    IF NOT found THEN
        RETURN 1;
    END IF;
    IF h.agency <> its_agency THEN
        SELECT bool_or(s.verdicts) INTO may FROM shared_hits x JOIN list_shares s ON s.number = x.share
         WHERE x.hit = its_id AND x.drop_on = h.drop_on AND x.agency = its_agency
           AND s.revoked_at IS NULL AND s.from_at <= clock_timestamp() AND s.until_at > clock_timestamp();
        IF may IS DISTINCT FROM true THEN
            RETURN CASE WHEN may IS NULL THEN 1 ELSE 3 END;
        END IF;
    END IF;
    IF its_verdict = 1 THEN
        partners := ARRAY(SELECT partner FROM list_shares WHERE list = h.list AND revoked_at IS NULL);
        PERFORM FROM agencies WHERE name = ANY (partners) ORDER BY name FOR UPDATE;
    END IF;
    SELECT * INTO h FROM hits WHERE id = its_id AND drop_on = h.drop_on FOR UPDATE;
    IF NOT found THEN
        RETURN 1;
    END IF;
    IF h.verdict = 2 THEN
        RETURN CASE its_verdict WHEN 2 THEN 0 ELSE 2 END;
    END IF;
    IF h.verdict = its_verdict AND h.action = its_action THEN
        RETURN 0;
    END IF;
    IF h.verdict <> its_verdict THEN
        IF h.verdict <> 0 THEN
            PERFORM verdict_count(h.list, h.seen_at::date, h.grade, h.entry, h.site, h.lane, h.drop_on, h.verdict, -1);
        END IF;
        PERFORM verdict_count(h.list, h.seen_at::date, h.grade, h.entry, h.site, h.lane, h.drop_on, its_verdict, 1);
    END IF;
    UPDATE hits SET verdict = its_verdict, verdict_at = now(), verdict_by = who, action = its_action WHERE id = its_id AND drop_on = h.drop_on;
    IF its_verdict = 2 THEN
        PERFORM hit_erase(its_id, h.drop_on);
    ELSIF cardinality(partners) > 0 THEN
        PERFORM hits_share(ARRAY[its_id], ARRAY[h.drop_on], ARRAY[h.list], ARRAY[h.recorded_at], partners, true);
    END IF;
    RETURN 0;
END $$;

-- Stores sightings (one row of each array is one).  One that is stored already changes nothing.  UNKNOWN is how many could not be stored
-- because the database does not have their list (restored from an old backup), LATE how many because their retention is over.
--
-- The agencies' rows are locked first, in one order: whatever gates drain at the same time, one agency's hits are stored one after the
-- other, and its cursor never skips one that commits late.  For each sighting that is not stored yet, the hit that it counts on is, in this
-- order: the one it names; the one that the named one was merged into; one of the same entry and lane within the cooldown (begun at a gate
-- that did not know of this one's); a new one under the name it gave.  Raising a hit does not move the cursor.
--
-- What is looked for lies under few days: those that reads of the lists within two days would go to (a retry may tell another
-- time).  So all of it is fetched at once, by statements that are planned with the days at hand and touch only their partitions.
--
-- What is stored is counted by list, day and grade.  Nothing is brought back to a stone: a repeat of an erased hit raises its count, and of the
-- repeat stays the day.  New hits get their places in the feeds of those whom their list is shared with.
CREATE FUNCTION sightings_store(ids uuid[], names uuid[], seen timestamptz[], entries bigint[], list_numbers int[], revisions int[],
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
        CONTINUE WHEN EXISTS (SELECT FROM unnest(stored) AS t WHERE t.id = s.id);
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
    INSERT INTO list_days AS d (list, day, grade, hits, reads)
    SELECT u.list, u.day, u.grade, sum(u.fresh), count(*) FROM unnest(counted_lists, counted_days, counted_grades, counted_fresh) AS u (list, day, grade, fresh)
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (list, day, grade) DO UPDATE SET hits = d.hits + excluded.hits, reads = d.reads + excluded.reads;
    unknown := (SELECT count(*) FROM unnest(list_numbers) AS u (list) WHERE NOT EXISTS (SELECT FROM lists WHERE number = u.list));
END $$;

-- Erases counts that are over, and suppressions and shares that ended and were shown for a while; returns how many rows went.
CREATE FUNCTION verdicts_tidy() RETURNS bigint LANGUAGE plpgsql SET search_path = platesieve, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    n bigint;
    gone bigint := 0;
BEGIN
    DELETE FROM entry_verdicts WHERE ends_on <= utc_today();
    GET DIAGNOSTICS n = ROW_COUNT;
    gone := gone + n;
    DELETE FROM list_days WHERE day < utc_today() - 1830;
    GET DIAGNOSTICS n = ROW_COUNT;
    gone := gone + n;
    DELETE FROM suppressions WHERE until_at < now() - interval '30 days';
    GET DIAGNOSTICS n = ROW_COUNT;
    gone := gone + n;
    DELETE FROM list_shares WHERE until_at < now() - interval '90 days' OR revoked_at < now() - interval '90 days';
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN gone + n;
END $$;

REVOKE ALL ON FUNCTION share_covert(), shared_with_me(uuid, date), shared_hits_after(bigint, bigint, date[], int), shared_hit_of(uuid),
    share_put(text, text, text, text, timestamptz, timestamptz, boolean, boolean, text, int), share_revoke(text, text, text, text),
    hits_share(uuid[], date[], int[], timestamptz[], text[], boolean), hit_erase(uuid, date), hit_judge(text, text, uuid, smallint, text), verdicts_tidy(),
    sightings_store(uuid[], uuid[], timestamptz[], bigint[], int[], int[], int[], int[], smallint[], smallint[], boolean[], boolean[],
                    real[], text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION shared_with_me(uuid, date), shared_hits_after(bigint, bigint, date[], int), shared_hit_of(uuid) TO platesieve_agency;
GRANT EXECUTE ON FUNCTION share_put(text, text, text, text, timestamptz, timestamptz, boolean, boolean, text, int), share_revoke(text, text, text, text),
    hits_share(uuid[], date[], int[], timestamptz[], text[], boolean), hit_erase(uuid, date), hit_judge(text, text, uuid, smallint, text), verdicts_tidy(),
    sightings_store(uuid[], uuid[], timestamptz[], bigint[], int[], int[], int[], int[], smallint[], smallint[], boolean[], boolean[],
                    real[], text[], text[]) TO platesieve_gate;
