-- Which sightings stand in the database, and which of them only since this transaction: what a gate counted of the others, another gate had counted, or the
-- same one before it was started anew.  To be asked after sightings_store(), in its transaction; of a list and a time it looks where that does.
CREATE FUNCTION sightings_stored(ids uuid[], list_numbers int[], seen timestamptz[]) RETURNS TABLE (stored uuid, since_now boolean)
LANGUAGE plpgsql STABLE SET search_path = platesieve, pg_temp AS $$
DECLARE
    days date[];
BEGIN
    days := ARRAY(SELECT DISTINCT drop_day(u.list, u.day + near)
                    FROM (SELECT DISTINCT v.list, (v.seen_at AT TIME ZONE 'UTC')::date AS day FROM unnest(list_numbers, seen) AS v (list, seen_at)) u,
                         generate_series(-2, 2) AS near
                   WHERE drop_day(u.list, u.day + near) > utc_today());
    RETURN QUERY EXECUTE 'SELECT t.id, t.xmin = pg_current_xact_id()::xid FROM sightings t WHERE t.drop_on = ANY ($1) AND t.id = ANY ($2)' USING days, ids;
END $$;
REVOKE ALL ON FUNCTION sightings_stored(uuid[], int[], timestamptz[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sightings_stored(uuid[], int[], timestamptz[]) TO platesieve_gate;
