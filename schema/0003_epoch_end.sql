-- An epoch may end before the time that was told first: its key was destroyed in an emergency.  Its slots then go with the next
-- housekeeping, as those of any epoch whose time is over.  True when the time was brought forward by this call.
CREATE FUNCTION epoch_end(epoch_number int, epoch_id text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = platesieve, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
    UPDATE epochs SET destroyed_at = clock_timestamp()
     WHERE number = epoch_number AND id = epoch_id AND destroyed_at > clock_timestamp();
    RETURN FOUND;
END $$;

REVOKE ALL ON FUNCTION epoch_end(int, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION epoch_end(int, text) TO platesieve_gate;
