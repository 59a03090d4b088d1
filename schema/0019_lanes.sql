-- How lanes fare: one row for each lane that ever asked or reported, written by whichever gate heard it, so that every gate knows which lane is silent and
-- the operator sees all.  Numbers and times, nothing of any read.  Times are of this machine's clock, but those that are said to be the lane's.
CREATE TABLE lanes (
    site           text NOT NULL CHECK (octet_length(site) BETWEEN 1 AND 48),
    lane           text NOT NULL CHECK (octet_length(lane) BETWEEN 1 AND 48),
    first_seen     timestamptz NOT NULL DEFAULT now(),
    checked_at     timestamptz,                 -- its last answered check
    reported_at    timestamptz,                 -- its last report; null: it never did, and what follows is null
    started_at     timestamptz,                 -- the lane's clock: this is which of its runs `run` is of
    sent_at        timestamptz,                 -- the lane's clock
    skew_ms        bigint,                      -- how much it is ahead
    interval_s     int,
    version        text CHECK (octet_length(version) <= 32),
    ending         boolean NOT NULL DEFAULT false,
    waiting        bigint,                      -- reads
    calibration    smallint,                    -- what the last one came to; 0: it has none
    calibration_interval_s int,
    calibrated_at  timestamptz,                 -- the last that succeeded
    read_at        timestamptz,                 -- when each was seen to have grown last: reads,
    unchecked_at   timestamptz,                 -- reads that nobody checked,
    false_tags_at  timestamptz,                 -- false tags
    run            bigint[] NOT NULL DEFAULT '{}' CHECK (cardinality(run) <= 64),   -- counts of this run, in the order of server/gate/lanes/state.h
    before         bigint[] NOT NULL DEFAULT '{}' CHECK (cardinality(before) <= 64), -- of all earlier ones
    PRIMARY KEY (site, lane)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

ALTER TABLE lanes ENABLE ROW LEVEL SECURITY;
ALTER TABLE lanes FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON lanes TO platesieve_gate USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON lanes TO platesieve_gate;
