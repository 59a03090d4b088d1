-- A list's own rules change while it stands; two people stand behind a covert or `near` list, and it ends; commits that would change a
-- list out of recognition are refused; operators set its cap and suspend it.

ALTER TABLE lists
    ADD rules_version  int NOT NULL DEFAULT 1 CHECK (rules_version > 0), -- moves on with every change of the rules
    ADD ends_at        timestamptz,                 -- from then on it is not asked; null: never
    ADD approved       boolean NOT NULL DEFAULT true, -- false: covert or near, and no second person has approved it yet
    ADD asked_by       text,                        -- of the last change that took two: who asked, who approved, when
    ADD approved_by    text,
    ADD approved_at    timestamptz,
    ADD grade_segment  int NOT NULL DEFAULT 0,      -- segments before it were made for a stronger grade: they make no epoch whole
    ADD suspended_at   timestamptz,
    ADD suspended_by   text,
    ADD suspended_why  text CHECK (octet_length(suspended_why) <= 256),
    ADD resumed_at     timestamptz,                 -- gates count a list's share of reads anew from then on
    ADD refused_at     timestamptz,                 -- the last commit that a guard or the cap refused, unless one was accepted since
    ADD refused_by     text,
    ADD refused_why    smallint CHECK (refused_why BETWEEN 1 AND 3), -- shrinks, grows, over its cap
    ADD refused_from   bigint,                      -- entries; null where it is about the cap
    ADD refused_to     bigint;

-- Row-level security is forced on the owner, too: what stands from before is given its end without it.
ALTER TABLE lists NO FORCE ROW LEVEL SECURITY;
UPDATE lists SET ends_at = now() + interval '90 days' WHERE covert OR grade = 3;
ALTER TABLE lists FORCE ROW LEVEL SECURITY;
ALTER TABLE lists ADD CHECK (ends_at IS NOT NULL OR NOT (covert OR grade = 3));

-- Rules that wait for the second person; at most one a list.  For a list that nobody has approved yet they are those that it has.
CREATE TABLE list_requests (
    list           int PRIMARY KEY REFERENCES lists ON DELETE CASCADE,
    number         int GENERATED ALWAYS AS IDENTITY,  -- who approves says which one
    rules_version  int NOT NULL,                      -- that they would change
    category       text NOT NULL CHECK (octet_length(category) <= 48),
    instruction    text NOT NULL CHECK (octet_length(instruction) <= 256),
    sites          text[] NOT NULL,
    priority       smallint NOT NULL CHECK (priority BETWEEN 0 AND 100),
    grade          smallint NOT NULL CHECK (grade BETWEEN 0 AND 3),
    covert         boolean NOT NULL,
    cooldown_s     int NOT NULL CHECK (cooldown_s BETWEEN 0 AND 86400),
    retention_days int NOT NULL CHECK (retention_days BETWEEN 1 AND 3650),
    age_limit_s    int NOT NULL CHECK (age_limit_s > 0),
    ends_at        timestamptz,
    asked_at       timestamptz NOT NULL DEFAULT now(),
    asked_by       text NOT NULL,
    expires_at     timestamptz NOT NULL
);

ALTER TABLE list_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE list_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON list_requests TO platesieve_agency
    USING (list IN (SELECT number FROM lists WHERE agency = (SELECT app_agency())))
    WITH CHECK (list IN (SELECT number FROM lists WHERE agency = (SELECT app_agency())));
CREATE POLICY overview ON list_requests FOR SELECT TO platesieve_agency USING ((SELECT app_overview()));
GRANT SELECT, INSERT, DELETE ON list_requests TO platesieve_agency;

GRANT UPDATE (cap_tokens, suspended_at, suspended_by, suspended_why, resumed_at) ON lists TO platesieve_gate;

-- What operators say of a list is not the agency's to change.
CREATE FUNCTION lists_fence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.cap_tokens, NEW.suspended, NEW.suspended_at, NEW.suspended_by, NEW.suspended_why, NEW.resumed_at) IS DISTINCT FROM
       (OLD.cap_tokens, OLD.suspended, OLD.suspended_at, OLD.suspended_by, OLD.suspended_why, OLD.resumed_at) THEN
        RAISE EXCEPTION 'cap and suspension are the operator''s' USING ERRCODE = 'PS005';
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION lists_fence() FROM PUBLIC;
CREATE TRIGGER fence BEFORE UPDATE ON lists FOR EACH ROW WHEN (current_user = 'platesieve_agency') EXECUTE FUNCTION lists_fence();
