"""Hostile SQL in the application's own role, within a transaction that is rightly an agency's: nothing of another agency is read, changed, or
inferred beyond what docs/threat-model.md admits."""
import hashlib
import hmac
import re
import subprocess
import threading
import uuid

import pytest

from cluster import BIN, DATABASE
from house import eventually

ANA, BEN = "agency/customs/ana", "agency/marshals/ben"
THEIRS = "marshals"
MARK = "kestrel"  # in whatever the victim has that is text
AGENCY_TABLES = ("agencies", "lists", "list_epochs", "revisions", "parts", "part_epochs", "entries", "edits", "hits", "evidence", "feed_days", "dropped",
                 "list_days", "entry_verdicts")


class Session:
    """A psql of one role that stays, and answers one command after the other."""

    def __init__(self, house, user="platesieve_agency"):
        self.key = bytes.fromhex(house.one("SELECT encode(inner_pad, 'hex') FROM platesieve.fence_keys"))
        self.child = subprocess.Popen([str(BIN / "psql"), "-X", "-q", "-A", "-t", "-h", str(house.cluster.socket), "-U", user, "-d", DATABASE],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/", bufsize=1)
        self.run("SET search_path = platesieve, pg_temp; \\set VERBOSITY verbose")

    def run(self, sql):
        """All that psql says about SQL."""
        end = f"end-{uuid.uuid4()}"
        self.child.stdin.write(f"{sql}\n;\n\\echo {end}\n")
        self.child.stdin.flush()
        lines, watch = [], threading.Timer(20, self.child.kill)
        watch.start()
        for line in self.child.stdout:
            if line.strip() == end:
                watch.cancel()
                return "".join(lines)
            lines.append(line)
        raise AssertionError(f"no end of {sql}: {lines}")

    def proof(self, agency, overview=""):
        """What a gate would make for this transaction."""
        challenge = self.run("SELECT platesieve.fence_challenge();").strip()
        key = bytes(byte ^ 0x36 for byte in self.key)[:32]
        return hmac.new(key, "\x1f".join(["platesieve/1/fence", agency, overview, challenge]).encode(), hashlib.sha256).hexdigest()

    def enter(self, agency, overview=""):
        """A transaction of AGENCY, as a gate begins it; returns its proof."""
        self.run("ROLLBACK;")
        self.run("BEGIN;")
        proof = self.proof(agency, overview)
        assert "ERROR" not in self.run(f"SELECT platesieve.app_enter('{agency}', '{overview}', '{proof}');")
        return proof

    def close(self):
        self.child.stdin.close()
        self.child.wait(10)


@pytest.fixture(scope="module", name="scene")
def scene_fixture(installation):
    """Two agencies with a list, an entry and a hit each; (house, what the victim has that nobody else may see)."""
    house = installation
    mine = house.listed("QQ00QQ3", list="fence-mine")
    theirs = house.listed("QQ00QQ4", user=BEN, list=f"{MARK}-list", category=MARK, instruction=MARK)
    assert house.check("QQ00QQ3")["answer"] == "hit" and house.check("QQ00QQ4")["answer"] == "hit"
    house.wait_hits(1, mine)
    house.wait_hits(1, theirs, user=BEN)
    house.sql(f"UPDATE platesieve.hits SET reference = '{MARK}-ref' WHERE agency = '{THEIRS}'")
    house.sql(f"UPDATE platesieve.entries SET reference = '{MARK}-ref' WHERE list = (SELECT number FROM platesieve.lists WHERE id = '{theirs}')")
    house.sql("INSERT INTO platesieve.dropped SELECT current_date - 1, number, 'hits', 7, now() FROM platesieve.lists")
    house.sql("ANALYZE")
    number, hit, entry, segment = house.sql(
        "SELECT l.number, h.id, h.entry, max(r.segment) FROM platesieve.lists l JOIN platesieve.hits h ON h.list = l.number"
        f" JOIN platesieve.revisions r ON r.list = l.number WHERE l.id = '{theirs}' GROUP BY 1, 2, 3")[0]
    until, = house.sql(f"SELECT tableoid::regclass FROM platesieve.hits WHERE id = '{hit}'")[0]
    epoch, = house.sql("SELECT min(number) FROM platesieve.epochs")[0]
    return house, {"number": number, "hit": hit, "entry": entry, "segment": segment, "hits_until": until, "epoch": epoch,
                   "secrets": [MARK, hit, hit.replace("-", ""), entry]}


@pytest.fixture(name="hostile")
def hostile_fixture(scene):
    """A session in a transaction of customs."""
    session = Session(scene[0])
    session.mine = session.enter("customs")
    assert session.run("SELECT DISTINCT agency FROM hits;").strip() == "customs"
    yield session
    session.close()


def state_of_victim(house):
    """A digest of all rows of the victim, and of what all agencies share."""
    lists = f"(SELECT number FROM platesieve.lists WHERE agency = '{THEIRS}')"
    segments = f"(SELECT segment FROM platesieve.revisions WHERE list IN {lists})"
    where = {"agencies": f"name = '{THEIRS}'", "lists": f"agency = '{THEIRS}'", "parts": f"segment IN {segments}", "edits": f"segment IN {segments}",
             "part_epochs": f"segment IN {segments}", "feed_days": f"agency = '{THEIRS}'", "slots": f"segment IN {segments}",
             "migrations": "true", "epochs": "true", "day_tables": "true", "fence_keys": "true", "turns": "true"}
    tables = [*AGENCY_TABLES, "suppressions", "slots", "sightings", "retentions", "migrations", "epochs", "day_tables", "fence_keys", "turns"]
    parts = " || ".join(f"(SELECT coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '-') FROM platesieve.{table} t"
                        f" WHERE {where.get(table, f'list IN {lists}')})" for table in tables)
    return house.one(f"SELECT {parts}")


# What must fail, with its SQLSTATE, or find nothing.  {number} and the like are the victim's.
REFUSED = {
    "42501": [  # insufficient privilege, or a row that a policy refuses
        "SELECT * FROM fence_keys", "SELECT inner_pad FROM fence_keys", "SELECT * FROM sightings", "SELECT packed FROM slots", "SELECT * FROM turns",
        "SELECT * FROM retentions", "SELECT * FROM {hits_until}", "COPY {hits_until} TO STDOUT", "SELECT segment FROM slots_{epoch}",
        "INSERT INTO {hits_until} SELECT * FROM hits", "UPDATE {hits_until} SET count = 9", "DELETE FROM {hits_until}", "TRUNCATE hits", "TRUNCATE lists",
        "UPDATE hits SET count = 99", "DELETE FROM hits", "DELETE FROM lists", "UPDATE agencies SET hit_cursor = 0", "DELETE FROM dropped",
        "INSERT INTO dropped VALUES (current_date, {number}, 'x', 1, now())", "UPDATE feed_days SET last = 0", "DELETE FROM migrations",
        "INSERT INTO agencies (name) VALUES ('falcons')", "UPDATE lists SET agency = 'marshals'",
        "INSERT INTO revisions (list, revision, base, mode, opened_by) VALUES ({number}, 99, 0, 0, 'x')",
        "INSERT INTO entries (key, list, segment, part, reference) VALUES (1, {number}, {segment}, 1, 'x')",
        "INSERT INTO parts (segment, part, lines, adds) VALUES ({segment}, 77, 1, 1)",
        "INSERT INTO edits VALUES (1, {segment}, 1, true)", "SELECT fence_give('', '')", "SELECT day_drop(utc_today())", "SELECT day_prepare(utc_today() + 5)",
        "SELECT epoch_drop({epoch})", "SELECT epoch_end({epoch}, 'x')", "SELECT maintain()", "SELECT drop_day({number}, current_date)",
        "SELECT hits_recent(now())", "SELECT days_needed()", "SELECT hit_erase('{hit}', current_date)", "CREATE TABLE mine (a int)",
        "CREATE TABLE public.mine (a int)", "CREATE TEMP TABLE hits (a int)", "CREATE SCHEMA mine", "CREATE FUNCTION pg_temp.leak(text) RETURNS bool"
        " LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$", "CREATE VIEW mine AS SELECT * FROM hits",
        "CREATE TEMP VIEW mine AS SELECT 1", "CREATE OPERATOR public.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)", "CREATE EXTENSION pgcrypto",
        "ALTER TABLE hits DISABLE ROW LEVEL SECURITY", "ALTER TABLE hits NO FORCE ROW LEVEL SECURITY", "DROP POLICY own ON hits", "ALTER POLICY own ON hits USING (true)",
        "CREATE POLICY all_of_it ON hits USING (true)", "CREATE TRIGGER mine AFTER INSERT ON lists EXECUTE FUNCTION retention_note()",
        "CREATE RULE mine AS ON SELECT TO hits DO INSTEAD SELECT 1", "GRANT SELECT ON hits TO PUBLIC", "ALTER FUNCTION app_proven() OWNER TO platesieve_agency",
        "SET ROLE platesieve_gate", "SET ROLE platesieve_owner", "SET ROLE postgres", "SET SESSION AUTHORIZATION platesieve_gate",
        "ALTER ROLE platesieve_agency BYPASSRLS", "ALTER ROLE platesieve_agency SET track_activities = on", "GRANT platesieve_gate TO platesieve_agency",
        "SET session_replication_role = replica", "SET track_activities = on", "SET row_security = off; SELECT * FROM hits",
        "COPY hits TO '/tmp/never'", "COPY lists FROM '/dev/null'", "COPY hits TO PROGRAM 'cat'", "SELECT pg_read_file('pg_hba.conf')", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'platesieve_gate' LIMIT 1",
        "SELECT lo_import('/etc/passwd')", "LOAD 'auto_explain'", "SELECT last_value FROM lists_number_seq", "SELECT nextval('revisions_segment_seq')",
        "SELECT setval('lists_number_seq', 1)", "SELECT * FROM pg_statistic", "LOCK TABLE turns", "LOCK TABLE hits IN EXCLUSIVE MODE",
        "SELECT * FROM pg_catalog.pg_authid",
    ],
    "PS010": ["SELECT app_enter('marshals', '', current_setting('app.proof'))", "SELECT app_enter('', 'on', current_setting('app.proof'))",
              "SELECT app_enter('marshals', '', repeat('0', 64))", "SELECT app_enter('marshals', '', NULL)", "SELECT app_enter('customs', 'on', current_setting('app.proof'))"],
    "PS012": ["UPDATE head SET version = 1", "UPDATE head SET version = version + 2", "UPDATE head SET version = -1"],
    "428C9": ["UPDATE lists SET number = {number}"],
}
NOTHING = [
    "SELECT * FROM {table} t WHERE t::text LIKE '%kestrel%'",
    "SELECT * FROM hits WHERE agency = 'marshals'", "SELECT * FROM hits WHERE agency <> 'customs'", "SELECT * FROM hits WHERE id = '{hit}'",
    "SELECT * FROM hits WHERE entry = {entry}", "SELECT * FROM lists WHERE number = {number}", "SELECT * FROM lists WHERE agency <> app_agency()",
    "SELECT * FROM entries WHERE list = {number}", "SELECT entry FROM slots WHERE segment = {segment}", "SELECT * FROM revisions WHERE segment = {segment}",
    "SELECT * FROM dropped WHERE list = {number}", "SELECT * FROM feed_days WHERE agency = 'marshals'", "SELECT * FROM hits h JOIN lists l ON true WHERE l.number = {number}",
    "SELECT 1 FROM agencies WHERE name = 'marshals'", "SELECT id FROM hits WHERE agency = 'marshals' UNION ALL SELECT id FROM hits WHERE id = '{hit}'",
    "WITH x AS MATERIALIZED (SELECT * FROM hits) SELECT * FROM x WHERE agency = 'marshals'",
    # names without their proof, proofs without their name
    "SELECT set_config('app.agency', 'marshals', true) WHERE false; SET LOCAL app.agency = 'marshals'; SELECT * FROM hits",
    "SET LOCAL app.agency = 'marshals'; SELECT id FROM lists", "SET app.agency = 'marshals'; SELECT * FROM entries", "SET LOCAL app.operator = 'on'; SELECT id FROM lists",
    "SET LOCAL app.agency = ''; SET LOCAL app.operator = 'on'; SELECT id FROM lists", "SET LOCAL app.proof = ''; SELECT * FROM hits", "RESET app.proof; SELECT * FROM hits",
    "SELECT 1 WHERE set_config('app.agency', 'customs' || chr(31) || 'on', true) IS NULL; SELECT * FROM hits", "COMMIT; BEGIN; SELECT * FROM hits", "COMMIT; SELECT * FROM lists",
    "SAVEPOINT a; SET LOCAL app.agency = 'marshals'; SELECT * FROM hits; ROLLBACK TO a",
    "SET LOCAL search_path = pg_temp, public, platesieve; SET LOCAL app.agency = 'marshals'; SELECT * FROM platesieve.hits",
    "DO $$ BEGIN PERFORM set_config('app.agency', 'marshals', true); IF EXISTS (SELECT FROM platesieve.hits) THEN RAISE 'seen'; END IF; END $$",
    # leaky functions see no row that the policy hides: with one, each of these would fail and say so
    "SELECT 1 FROM hits WHERE agency <> 'customs' AND 1 / (length(agency) - 8) > 0", "SELECT 1 FROM lists WHERE agency <> 'customs' AND category::int > 0",
    "SELECT 1 FROM entries e WHERE list = {number} AND reference::int = 1", "SELECT 1 FROM lists WHERE number = {number} AND 1 / (retention_days - retention_days) = 1",
    "SELECT 1 FROM hits WHERE agency = 'marshals' AND pg_advisory_lock(count) IS NOT NULL", "SELECT 1 FROM hits WHERE agency = 'marshals' AND query_to_xml('x', true, true, '') IS NULL",
    "SELECT 1 FROM hits WHERE agency = 'marshals' AND set_config('app.seen', reference, false) IS NOT NULL",
    # changes that find nothing to change
    "UPDATE lists SET category = 'x' WHERE number = {number} RETURNING 1", "UPDATE lists SET id = 'x' WHERE agency = 'marshals' RETURNING 1",
    "DELETE FROM entries WHERE list = {number} RETURNING 1", "DELETE FROM entries WHERE list <> (SELECT min(number) FROM lists) RETURNING 1",
    "DELETE FROM slots WHERE segment = {segment} RETURNING 1", "UPDATE revisions SET state = 2 WHERE segment = {segment} RETURNING 1", "DELETE FROM parts WHERE segment = {segment} RETURNING 1",
    "UPDATE entries SET removed_by = 1 WHERE list = {number} RETURNING 1", "SELECT * FROM lists WHERE number = {number} FOR UPDATE",
    # what the server tells about tables, sessions and statements
    "SELECT * FROM pg_stats WHERE schemaname = 'platesieve' AND tablename ~ '^(hits|lists|entries|agencies|slots|revisions)'",
    "SELECT 1 FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (query ~ 'kestrel|marshals' OR query ~* 'select' AND usename = 'platesieve_agency')",
    "SELECT * FROM pg_prepared_statements", "SELECT * FROM pg_cursors WHERE statement ~ 'marshals'", "SELECT * FROM pg_largeobject_metadata",
]


def filled(scene, sql):
    return re.sub(r"\{(\w+)\}", lambda found: scene[1].get(found[1], found[0]), sql)


def check_silent(scene, said):
    for secret in scene[1]["secrets"]:
        assert secret not in said, said


@pytest.mark.parametrize("state", REFUSED)
def test_refused(scene, hostile, state):
    before, wrong = state_of_victim(scene[0]), []
    for sql in REFUSED[state]:
        said = hostile.run(filled(scene, sql) + ";")
        if f"ERROR:  {state}:" not in said and "WARNING:  01007: no privileges were granted" not in said:
            wrong.append((sql, said))
        check_silent(scene, re.sub(r"^LINE 1:.*", "", said, flags=re.M))  # which repeats what was asked
        hostile.enter("customs")
    assert not wrong
    assert state_of_victim(scene[0]) == before


def test_nothing_found(scene, hostile):
    before, wrong = state_of_victim(scene[0]), []
    for sql in NOTHING:
        for table in AGENCY_TABLES if "{table}" in sql else (None,):
            said = hostile.run(filled(scene, sql.replace("{table}", table or "")) + ";")
            if said.strip():
                wrong.append((sql, table, said))
            hostile.enter("customs")
        hostile.run("RESET ALL; SET search_path = platesieve, pg_temp;")
    assert not wrong
    assert state_of_victim(scene[0]) == before


def test_all_that_can_be_copied_is_its_own(scene, hostile):
    for table in AGENCY_TABLES:
        said = hostile.run(f"COPY (SELECT * FROM {table}) TO STDOUT;") + hostile.run(f"COPY {table} TO STDOUT;")
        assert "ERROR" not in said
        check_silent(scene, said)
        # a partner who gave a verdict on a shared hit is named to the hit's agency, and so are the recipients of its pictures
        assert THEIRS not in said.replace(f"agency/{THEIRS}/", "").replace(f"evidence/{THEIRS}/", "")
    assert "customs" in hostile.run("COPY hits TO STDOUT;") + hostile.run("COPY (TABLE hits) TO STDOUT;")


def test_a_proof_is_good_for_its_transaction_only(scene, hostile):
    """Overheard in another session, or kept from an earlier transaction of this one."""
    victim = Session(scene[0])
    try:
        overheard = victim.enter(THEIRS)
        assert MARK in victim.run("SELECT id FROM lists;")
        hostile.run(f"SET LOCAL app.agency = '{THEIRS}'; SET LOCAL app.proof = '{overheard}';")
        assert hostile.run("SELECT * FROM hits;") == "" == hostile.run("SELECT * FROM lists;")
        kept = hostile.enter(THEIRS)
        assert MARK in hostile.run("SELECT id FROM lists;")
        hostile.enter("customs")
        hostile.run(f"SET LOCAL app.agency = '{THEIRS}'; SET LOCAL app.proof = '{kept}';")
        assert hostile.run("SELECT * FROM hits;") == "" == hostile.run("SELECT * FROM lists;")
        hostile.enter("", "on")  # an overseer's look: lists, and no hit
        assert MARK in hostile.run("SELECT id FROM lists;") and hostile.run("SELECT * FROM hits;") == ""
    finally:
        victim.close()


def test_explain_tells_no_agency_from_none(scene, hostile):
    """What the planner thinks, and what was read and thrown away, is the same for an agency with hits and for one that does not exist."""
    def told(sql, agency):
        return hostile.run(sql.replace("{agency}", agency) + ";").replace(agency, "?")
    for sql in ("EXPLAIN SELECT * FROM hits WHERE agency = '{agency}'", "EXPLAIN SELECT * FROM lists WHERE agency = '{agency}'",
                "EXPLAIN SELECT * FROM hits WHERE agency = '{agency}' AND cursor > 0 ORDER BY cursor", "EXPLAIN SELECT * FROM feed_days WHERE agency = '{agency}'",
                "EXPLAIN SELECT * FROM agencies WHERE name = '{agency}'",
                "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM hits WHERE agency = '{agency}' AND cursor > 0"):
        assert told(sql, THEIRS) == told(sql, "xxxxxxxx"), sql
    hostile.run("SET LOCAL enable_seqscan = off;")
    for condition in (f"agency = '{THEIRS}'", f"entry = {scene[1]['entry']}", "seen_at > '2026-01-01'"):
        plan = hostile.run(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT 1 FROM hits WHERE {condition};")
        assert "Index Cond: ((agency = $" in plan or f"One-Time Filter: ($0 = '{THEIRS}'::text)" in plan, plan
        assert "Rows Removed by Filter" not in plan, plan


def test_the_price_is_one_look_a_statement(hostile):
    plan = hostile.run("SET LOCAL enable_seqscan = off; EXPLAIN SELECT * FROM hits WHERE cursor > 5 ORDER BY cursor LIMIT 10;")
    assert plan.count("InitPlan") == 1 and "agency = $0" in plan, plan


def test_a_session_that_was_meddled_with_is_not_used(scene):
    """SQL that takes the place of one of the gate's prepared statements would run in another agency's transaction."""
    house = scene[0]
    session = Session(house)
    try:
        session.run("PREPARE hits_after AS SELECT lo_from_bytea(0, convert_to(string_agg(reference, ''), 'UTF8')) FROM hits;")
        session.run("BEGIN;")
        assert "PS011" in session.run("SELECT platesieve.fence_challenge();")
    finally:
        session.close()


def test_housekeeping_waits_for_no_lock_of_theirs(scene, hostile):
    """Whoever takes all advisory locks that there were keeps nothing from being made or dropped."""
    house = scene[0]
    hostile.run("SELECT pg_advisory_lock(hashtext('platesieve.' || what)) FROM unnest(ARRAY['days', 'slots', 'maintain', 'expire']) AS what;")
    assert house.cluster.psql("SELECT platesieve.day_prepare(platesieve.utc_today() + 3000)", user="platesieve_gate") is not None
    assert house.one("SELECT to_regclass('platesieve.hits_until_' || to_char(platesieve.utc_today() + 3000, 'YYYYMMDD')) IS NOT NULL") == "t"
    assert house.sql("SELECT proname FROM pg_proc WHERE pronamespace = 'platesieve'::regnamespace AND prosrc ~ 'advisory'") == []


def test_a_database_with_another_key_gets_the_gates_own(scene):
    """As after a restore: refused, not empty; and right again within seconds."""
    house = scene[0]
    house.sql("UPDATE platesieve.fence_keys SET inner_pad = outer_pad")
    answers = {house.get("/v1/hits", ANA).status_code for _ in range(5)}
    assert answers <= {200, 503}
    eventually(lambda: house.get("/v1/hits", ANA).status_code == 200 and house.one("SELECT inner_pad <> outer_pad FROM platesieve.fence_keys") == "t", 15)
    assert house.hits("fence-mine") and house.hits(f"{MARK}-list", user=BEN)
