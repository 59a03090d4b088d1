-- A list's header: who may open the pictures of its hits, signed by a user of its agency.  The gate keeps it and can't make one.  What was
-- replaced stays for two days, because a picture that is under way is sealed to it.

CREATE TABLE headers (
    list        int NOT NULL REFERENCES lists ON DELETE CASCADE,
    serial      bigint NOT NULL CHECK (serial > 0),
    id          bytea NOT NULL UNIQUE CHECK (octet_length(id) = 32),        -- SHA-256 of der
    expires_at  timestamptz NOT NULL,
    replaced_at timestamptz,                        -- null: in force
    put_at      timestamptz NOT NULL DEFAULT now(),
    put_by      text NOT NULL,
    der         bytea NOT NULL CHECK (octet_length(der) BETWEEN 1 AND 49152),
    PRIMARY KEY (list, serial)
);

ALTER TABLE lists ADD header_id bytea CHECK (octet_length(header_id) = 32), -- of the one in force; null: none
    ADD header_serial bigint NOT NULL DEFAULT 0;    -- the highest that was ever taken: an older one never comes back

ALTER TABLE headers ENABLE ROW LEVEL SECURITY;
ALTER TABLE headers FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON headers TO platesieve_gate USING (true);
CREATE POLICY own ON headers TO platesieve_agency
    USING (list IN (SELECT number FROM lists WHERE agency = current_setting('app.agency', true)))
    WITH CHECK (list IN (SELECT number FROM lists WHERE agency = current_setting('app.agency', true)));
GRANT SELECT ON headers TO platesieve_gate;
GRANT SELECT, INSERT, UPDATE (replaced_at), DELETE ON headers TO platesieve_agency;
