-- Webhooks: an agency's hits, carried to an address of its own.  A gate delivers from `cursor` on and moves it when the receiver has answered
-- 2xx: at least once.  Which gate does is a lease; one that dies lets go of it when it runs out.  The receiver's secret lies here sealed under a
-- key of the gates, bound to agency, name and address: whoever changes an address gets nothing that is signed.
CREATE TABLE webhooks (
    agency        text NOT NULL REFERENCES agencies,
    name          text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,47}$'),
    url           text NOT NULL CHECK (length(url) BETWEEN 9 AND 512),
    secret        bytea NOT NULL CHECK (octet_length(secret) = 72),  -- nonce, 32 bytes, authenticator
    cursor        bigint NOT NULL CHECK (cursor >= 0),
    upto          bigint NOT NULL DEFAULT 0,                         -- where the batch ended that failed: it is tried again as it was
    made_at       timestamptz NOT NULL DEFAULT now(),
    made_by       text NOT NULL,
    next_at       timestamptz NOT NULL DEFAULT now(),                -- not before
    lease         text NOT NULL DEFAULT '',                          -- the gate that delivers
    lease_until   timestamptz NOT NULL DEFAULT now(),
    failures      int NOT NULL DEFAULT 0,                            -- in a row
    failing_since timestamptz,
    error         text NOT NULL DEFAULT '',                          -- of the last one, in our words
    delivered_at  timestamptz,
    test_at       timestamptz,                                       -- a test is wanted
    tested_at     timestamptz,
    test_error    text NOT NULL DEFAULT '',
    PRIMARY KEY (agency, name)
) WITH (fillfactor = 50);

ALTER TABLE webhooks ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhooks FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON webhooks TO platesieve_gate USING (true) WITH CHECK (true);
CREATE POLICY own ON webhooks TO platesieve_agency USING (agency = (SELECT app_agency())) WITH CHECK (agency = (SELECT app_agency()));
GRANT SELECT, UPDATE ON webhooks TO platesieve_gate;
GRANT INSERT, DELETE, UPDATE ON webhooks TO platesieve_agency;
-- all but the secret
GRANT SELECT (agency, name, url, cursor, upto, made_at, made_by, next_at, lease, lease_until, failures, failing_since, error, delivered_at, test_at,
              tested_at, test_error) ON webhooks TO platesieve_agency;
