"""The schema on a PostgreSQL of its own: the unit tests of server/gate/db, and what the catalogues say about roles, policies and grants."""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "deploy/lib"))

from cluster import DATABASE, Cluster  # noqa: E402  pylint: disable=wrong-import-position

SMALL = {"shared_buffers": "32MB", "max_wal_size": "256MB", "maintenance_work_mem": "32MB", "max_connections": "20"}
OF_PARTNERS = {"shared_with_me", "shared_hits_after", "shared_hit_of"}  # ask app_agency() themselves
SHARED_BY_ALL = {"migrations", "head", "epochs", "day_tables"}  # no agency's rows
TABLES = "SELECT c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relispartition FROM pg_class c" \
         " WHERE c.relnamespace = 'platesieve'::regnamespace AND c.relkind IN ('r', 'p')"


@pytest.fixture(scope="module", name="database")
def database_fixture():
    """A cluster with the roles, an empty database, and on it what the unit tests of server/gate/db left behind."""
    folder = Path(tempfile.mkdtemp(prefix="platesieve-test-", dir="/tmp"))
    cluster = Cluster(folder, folder / "db.log")
    try:
        cluster.socket_folder()
        cluster.make()
        cluster.configure(SMALL)
        cluster.start()
        cluster.psql(file=TOP / "schema/roles.sql", database="postgres")
        cluster.psql(file=TOP / "schema/roles.sql", database="postgres")  # again: harmless
        cluster.database()
        cluster.unit_tests = run_unit_tests(cluster)
        yield cluster
    finally:
        cluster.stop("immediate")
        cluster.remove_socket()
        shutil.rmtree(folder, ignore_errors=True)


def run_unit_tests(cluster):
    """In one database, one after the other."""
    build = Path(os.environ.get("PLATESIEVE_BUILD") or TOP / "build")
    done = []
    for name, variable in (("db_test", "PLATESIEVE_TEST_DB"), ("db_hits_test", "PLATESIEVE_TEST_DB_HITS")):
        program = build / "tests/unit" / name
        if not program.exists():
            subprocess.run(["make", "-s", "-C", build, f"tests/unit/{name}"], check=True, stdin=subprocess.DEVNULL)
        done.append(subprocess.run([program], env={**os.environ, variable: f"host={cluster.socket} dbname={DATABASE}"},
                                   stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False))
    return done


def test_db_functions(database):
    for done in database.unit_tests:
        assert done.returncode == 0, done.stdout + done.stderr


def test_roles_may_nothing_else(database):
    rows = database.psql("SELECT rolname, rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls FROM pg_roles"
                         " WHERE rolname LIKE 'platesieve%'")
    assert dict(map(tuple, rows)) == {"platesieve_owner": "f", "platesieve_gate": "f", "platesieve_agency": "f"}
    for role in ("platesieve_gate", "platesieve_agency"):
        assert database.psql(f"SELECT has_schema_privilege('{role}', 'platesieve', 'CREATE')") == [["f"]]
        assert database.psql(f"SELECT count(*) FROM pg_class WHERE relowner = '{role}'::regrole") == [["0"]]


def test_security_is_forced_on_what_belongs_to_an_agency(database):
    rows = database.psql(TABLES)
    assert len(rows) > 12
    for _, name, enabled, forced, _ in rows:
        if name not in SHARED_BY_ALL:
            assert (enabled, forced) == ("t", "t"), name


def test_no_grant_on_a_partition(database):
    partitions = [oid for oid, _, _, _, partition in database.psql(TABLES) if partition == "t"]
    assert partitions
    for role in ("platesieve_gate", "platesieve_agency", "public"):
        for oid in partitions:
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"):
                assert database.psql(f"SELECT has_table_privilege('{role}', {oid}, '{right}')") == [["f"]], (role, oid, right)


def test_functions_of_the_owner_fix_their_search_path(database):
    rows = database.psql("SELECT proname, coalesce(array_to_string(proconfig, ' '), '') FROM pg_proc"
                         " WHERE pronamespace = 'platesieve'::regnamespace AND prosecdef")
    assert {name for name, _ in rows} == {"epoch_prepare", "epoch_end", "epoch_drop", "day_prepare", "day_drop", "retention_note", "app_proven",
                                        "fence_give", "share_covert", *OF_PARTNERS}
    for name, config in rows:
        assert "search_path=platesieve, pg_temp" in config, name
        may = "t" if name == "app_proven" or name in OF_PARTNERS else "f"
        assert database.psql(f"SELECT has_function_privilege('platesieve_agency', oid, 'EXECUTE') FROM pg_proc WHERE proname = '{name}'") == [[may]]


def test_policies_go_by_what_is_proven(database):
    """No policy goes by a setting that its reader can make himself; each asks once a statement."""
    rows = database.psql("SELECT tablename, policyname, translate(concat(qual, ' ', with_check), chr(10), ' ') FROM pg_policies WHERE schemaname = 'platesieve'")
    assert len(rows) > 20
    for table, policy, text in rows:
        assert "current_setting" not in text, (table, policy)
        assert text.count("app_agency()") == text.count("SELECT platesieve.app_agency()"), (table, policy)
        assert text.count("app_overview()") == text.count("SELECT platesieve.app_overview()"), (table, policy)


def test_what_passes_its_retention_is_hidden_by_every_policy(database):
    """Of each table that is dropped by the day, in every policy but the one that counts what is dropped."""
    names = [name for name, in database.psql("SELECT name FROM platesieve.day_tables")]
    assert {"hits", "sightings"} <= set(names)
    for name in names:
        rows = database.psql(f"SELECT policyname, translate(coalesce(qual, with_check), chr(10), ' ') FROM pg_policies WHERE tablename = '{name}'")
        assert [policy for policy, text in rows if "drop_on > platesieve.utc_today()" not in text] == ["keeper"], name


def test_agency_reads_no_slots(database):
    for column in ("packed",):
        assert database.psql(f"SELECT has_column_privilege('platesieve_agency', 'platesieve.slots', '{column}', 'SELECT')") == [["f"]]
    assert database.psql("SELECT has_column_privilege('platesieve_agency', 'platesieve.slots', 'packed', 'INSERT')") == [["t"]]


def test_nothing_of_the_unit_test_in_the_servers_log(database):
    """Errors quote no rows: what the server logs stays on its disk."""
    text = database.log.read_text()
    assert "Failing row" not in text and "Partition key" not in text
    assert "customs-" not in text
