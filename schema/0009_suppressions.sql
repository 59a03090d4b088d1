-- Suppressions: entries that raise no hits at one lane for a while, because their agency said so.  Gates hold those in force in memory; whoever
-- changes one moves the head.  Each bears a MAC under a key of the gates: who can only write to the database silences nothing.  Written by
-- platesieve_gate alone; an agency's role reads.
CREATE TABLE suppressions (
    number     int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    list       int NOT NULL REFERENCES lists,
    entry      bigint NOT NULL,                     -- key
    site       text NOT NULL CHECK (octet_length(site) BETWEEN 1 AND 48),
    lane       text NOT NULL CHECK (octet_length(lane) BETWEEN 1 AND 48),
    until_at   timestamptz NOT NULL,
    matches    bigint NOT NULL DEFAULT 0,           -- that made no hit
    reference  text NOT NULL CHECK (octet_length(reference) BETWEEN 1 AND 64),
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL CHECK (octet_length(created_by) <= 128),
    mac        bytea NOT NULL CHECK (octet_length(mac) = 32),
    UNIQUE (list, entry, site, lane)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
CREATE INDEX suppressions_until ON suppressions (until_at);

ALTER TABLE suppressions ENABLE ROW LEVEL SECURITY;
ALTER TABLE suppressions FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON suppressions TO platesieve_gate USING (true) WITH CHECK (true);
CREATE POLICY own ON suppressions FOR SELECT TO platesieve_agency
    USING (list IN (SELECT number FROM lists WHERE agency = (SELECT app_agency())));
GRANT SELECT, INSERT, UPDATE, DELETE ON suppressions TO platesieve_gate;
GRANT SELECT (number, list, entry, site, lane, until_at, matches, reference, created_at, created_by) ON suppressions TO platesieve_agency;
