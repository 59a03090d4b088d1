-- The report of what was dropped, for agencies and overseers: `dropped` is theirs to read since it is there, and so are now the days that are
-- over and still stand.
GRANT SELECT ON day_tables TO platesieve_agency;
GRANT EXECUTE ON FUNCTION days_standing(), days_over() TO platesieve_agency;
