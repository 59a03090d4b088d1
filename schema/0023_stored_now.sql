-- Which sightings stand in the database.  Asked in the transaction of sightings_store() and before it, it says what was stored before: what a gate counted of those,
-- another gate had counted, or the same one before it was started anew.  It takes the locks of sightings_store(), in the same order, so that nobody stores any of
-- them in between; of a list and a time it looks where that does.
CREATE FUNCTION sightings_stored(ids uuid[], list_numbers int[], seen timestamptz[]) RETURNS SETOF uuid
LANGUAGE plpgsql SET search_path = platesieve, pg_temp AS $$
DECLARE
    days date[];
    partners text[];
BEGIN
    partners := ARRAY(SELECT DISTINCT partner FROM list_shares
                       WHERE list = ANY (list_numbers) AND revoked_at IS NULL AND until_at > now() AND NOT only_confirmed);
    PERFORM FROM agencies WHERE name = ANY (partners) OR name IN (SELECT agency FROM lists WHERE number = ANY (list_numbers))
      ORDER BY name FOR UPDATE;
    days := ARRAY(SELECT DISTINCT drop_day(u.list, u.day + near)
                    FROM (SELECT DISTINCT v.list, (v.seen_at AT TIME ZONE 'UTC')::date AS day FROM unnest(list_numbers, seen) AS v (list, seen_at)) u,
                         generate_series(-2, 2) AS near
                   WHERE drop_day(u.list, u.day + near) > utc_today());
    RETURN QUERY EXECUTE 'SELECT t.id FROM sightings t WHERE t.drop_on = ANY ($1) AND t.id = ANY ($2)' USING days, ids;
END $$;
REVOKE ALL ON FUNCTION sightings_stored(uuid[], int[], timestamptz[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sightings_stored(uuid[], int[], timestamptz[]) TO platesieve_gate;
