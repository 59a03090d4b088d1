-- What waits for a second person bears a MAC of the gates: who can only write to the database, or runs SQL of his own in an agency's session, makes
-- nobody approve what nobody asked for, and nobody his own second person.  Requests from before have none: they are asked for anew.
ALTER TABLE list_requests ADD mac bytea CHECK (octet_length(mac) = 32);
GRANT UPDATE (mac) ON list_requests TO platesieve_agency;
