"""Two gates and three key servers, and a lane that goes on when one of them is killed, hangs or comes back: no read waits until it is back, and none
a second longer than it must on this machine."""
import contextlib
import json
import os
import re
import signal
import subprocess
import time

import pytest

import installed_tree
from house import TOP, eventually
from sealing import jpeg
from second_gate import SecondGate

INSTALLATION = {"key_servers": 3}
READER = "reader/north/1"
WITHIN_S = 1.0
SERVERS = ("keys-1", "keys-2", "keys-3")


@pytest.fixture(scope="module", name="second")
def make_second(installation):
    gate = SecondGate(installation)
    gate.start()
    yield gate
    gate.end()


@pytest.fixture(scope="module", name="listed")
def make_listed(installation, second, tmp_path_factory):
    file = tmp_path_factory.mktemp("listed") / "list.csv"
    file.write_text("plate,jurisdiction\nQQ61XX61,NL\n", encoding="ascii")
    installation.platesieve("--as", "agency/customs/ana", "list", "create", "wanted", "--category", "stolen")
    installation.platesieve("--as", "agency/customs/ana", "list", "push", "wanted", file)
    installation.wait_live("wanted", 1)
    eventually(lambda: installation.session("auditor/ines").get(f"{second.url()}/v1/status", timeout=5).json()["lists"][0]["revision"] == 1)
    return "wanted"


class Lane:
    """A lane that runs; each read is of a listed plate, and timed."""

    def __init__(self, house, urls, *options):
        env = {**os.environ, **house.environment(), "PLATESIEVE_GATE": ",".join(urls)}
        self.child = subprocess.Popen([str(house.programs / "platesieve"), "--as", READER, "lane", "--json", *options], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
        self.child.stdin.write("plate,jurisdiction\n")
        self.reads = 0
        self.read()
        self.calm = self.read(20)  # what a read takes on a machine that may be busy

    def read(self, times=3):
        """Returns the seconds that the slowest took."""
        slowest = 0
        for _ in range(times):
            begin = time.monotonic()
            self.child.stdin.write("QQ61XX61,NL\n")
            self.child.stdin.flush()
            told = json.loads(self.child.stdout.readline())
            slowest = max(slowest, time.monotonic() - begin)
            self.reads += 1
            assert told.get("alerts"), (told, self.end())
        return slowest

    def assert_prompt(self, took):
        """TOOK: one for each outage.  Who waits for a server that hangs does it nearly every time; who waits for a processor does not."""
        assert sorted(took)[len(took) // 2] < WITHIN_S + 10 * self.calm, (took, self.calm)

    def end(self):
        out, err = self.child.communicate(timeout=60)
        return json.loads(out.splitlines()[-1])["summary"], err


@pytest.fixture(name="lane")
def make_lane(installation, second, listed):
    lane = Lane(installation, [installation.gate_url, second.url()])
    yield lane
    if lane.child.poll() is None:
        lane.child.kill()
        lane.child.wait()
        lane.child.stdin.close()


def pid_of(house, second, part):
    return second.process.pid if part == "second" else house.part(part).pid()


@contextlib.contextmanager
def hanging(house, second, *parts):
    """They are there, take connections, and answer nothing."""
    pids = [pid_of(house, second, part) for part in parts]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def killed(house, second, *parts):
    for part in parts:
        if part == "second":
            second.end(signal.SIGKILL)
        else:
            house.kill(part)
    try:
        yield
    finally:
        for part in parts:
            if part == "second":
                second.start()
            else:
                house.start((part,))


HOWS = {"hangs": hanging, "is killed": killed}


@pytest.mark.parametrize("how", HOWS)
def test_the_other_gate_answers_within_a_second(installation, second, lane, how):
    took = []
    for part in ("gate", "second", "gate"):  # each is used again when it is back
        with HOWS[how](installation, second, part):
            took.append(lane.read(4))
        eventually(lambda: installation.ready()["ready"])
        time.sleep(1)
    lane.assert_prompt(took)
    summary, err = lane.end()
    assert (summary["hits"], summary["unchecked"], summary["alarms"]) == (lane.reads, 0, 0)
    assert f"no answer from the gate: {installation.gate_url}" in err and f"the gate {installation.gate_url} answers again" in err


@pytest.mark.parametrize("how", HOWS)
def test_two_of_three_key_servers_answer_within_a_second(installation, second, lane, how):
    took = []
    for part in SERVERS:
        with HOWS[how](installation, second, part):
            first = lane.read()
            time.sleep(1)  # it is found out, whoever was asked
            took.append(max(first, lane.read()))
        time.sleep(1)
    lane.assert_prompt(took)
    summary, err = lane.end()
    assert (summary["hits"], summary["unchecked"]) == (lane.reads, 0)
    assert all(installation.url_of(part) in err for part in SERVERS)


def test_a_gate_and_a_key_server_that_hang_together(installation, second, lane):
    with hanging(installation, second, "gate", "keys-2"):
        lane.read(4)
    assert lane.end()[0]["unchecked"] == 0


def test_all_gates_are_away_for_a_while(installation, second, lane):
    """Within its patience a lane finds the gates again; nothing is `clear` that was not checked."""
    with hanging(installation, second, "gate", "second"):
        lane.child.stdin.write("QQ61XX61,NL\n")
        lane.child.stdin.flush()
        time.sleep(2)
    assert json.loads(lane.child.stdout.readline()).get("alerts")
    lane.reads += 1
    lane.read()
    summary, _ = lane.end()
    assert (summary["hits"], summary["unchecked"], summary["cleared"]) == (lane.reads, 0, 0)


# -- the same, in a program of somebody else's --------------------------------------------------------------------------------


def build(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("embedded")
    installed = installed_tree.install(folder / "installed")
    if "#define PLATESIEVE_SANITIZER 1" in (installed_tree.BUILD / "config.h").read_text():
        pytest.skip("a library with sanitizers wants their runtime in the program")
    (folder / "reader.c").write_text(text)
    subprocess.run(["cc", "-std=c17", "-Wall", "-Wextra", "-Werror", "reader.c", "-o", "reader", "-pthread",
                    *installed_tree.pkg_config(installed, "--cflags", "--libs", name="libplatesieve-client")], cwd=folder, check=True)
    return folder / "reader", {**os.environ, "LD_LIBRARY_PATH": str(next(installed.rglob("libplatesieve.so")).parent)}


@pytest.fixture(scope="module", name="example")
def make_example(tmp_path_factory):
    """The first example of docs/embedding.md, built against the installed library."""
    return build(tmp_path_factory, re.search(r"^```c\n(.*?)^```", (TOP / "docs/embedding.md").read_text(), re.M | re.S)[1])


def arguments(house, second):
    base = house.pki / "reader/north.1"
    return [f"{house.gate_url},{second.url()}", house.keys_url, f"{base}.pem", f"{base}.key", str(house.ca)]


def test_the_documented_reader_asks_and_goes_on(installation, second, listed, example):
    program, env = example
    with subprocess.Popen([str(program), *arguments(installation, second)], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=env) as child:
        def ask(line):
            child.stdin.write(line + "\n")
            child.stdin.flush()
            return child.stdout.readline().strip()

        assert ask("NL QQ61XX61 QQ44444") == "ALERT QQ61XX61: stolen of customs/wanted, match full"
        assert ask("NL qq44444 qq-61-xx61") == "ALERT qq-61-xx61: stolen of customs/wanted, match full"  # the second spelling is the one
        assert ask("99 QQ44444 QQ61XX61") == "ALERT QQ61XX61: stolen of customs/wanted, match plate"
        assert ask("NL QQ44444 QQ55555") == "clear"
        assert ask("NL *** ---") == "NOT CHECKED: None of its candidates is a plate."
        with killed(installation, second, "gate"):
            told = [ask("NL QQ61XX61 QQ44444") for _ in range(4)]
            assert all(line.startswith("ALERT") for line in told)
        with hanging(installation, second, "gate", "second"):
            assert ask("NL QQ61XX61 QQ44444") == "NOT CHECKED: No gate, or too few key servers, answered in time."
        eventually(lambda: ask("NL QQ44444 QQ55555") == "clear")
        out, err = child.communicate(timeout=30)
    assert child.returncode == 0 and out == ""
    assert f"no answer from the gate: {installation.gate_url}" in err and "QQ" not in err


def test_a_reader_that_begins_while_all_are_away(installation, second, listed, example):
    """It says so of each read, and checks as soon as it can."""
    program, env = example
    with hanging(installation, second, "gate", "second", *SERVERS):
        child = subprocess.Popen([str(program), *arguments(installation, second)], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, env=env)
        child.stdin.write("NL QQ61XX61 QQ44444\n")
        child.stdin.flush()
        assert child.stdout.readline().startswith("NOT CHECKED")
    time.sleep(1)
    out, _ = child.communicate("NL QQ61XX61 QQ44444\n", timeout=30)
    assert out.startswith("ALERT") and child.returncode == 0


MANY = r"""
#include <platesieve/client.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define READS 40

static struct platesieve_client *client;

/* Each thread asks about many reads in one call, every fourth of which is listed. */
static void *ask(void *unused)
{
    struct platesieve_client_candidate listed = { "QQ61XX61", 8, "NL", PLATESIEVE_CODES_ISO, 0.5 }, other = { "ZZZ9999", 7, "US-TX", PLATESIEVE_CODES_ISO, 1 };
    static _Thread_local struct platesieve_client_answer answers[READS];
    struct platesieve_client_read reads[READS];
    size_t wrong = 0;

    (void)unused;
    memset(reads, 0, sizeof reads);
    for (size_t i = 0; i < READS; i++) {
        platesieve_client_read_id(reads[i].id);
        reads[i].candidates = i % 4 == 0 ? &listed : &other;
        reads[i].count = i % 10 == 9 ? 0 : 1;
    }
    for (unsigned times = 0; times < 5; times++) {
        if (platesieve_failed(platesieve_client_check(client, reads, READS, 10000, answers))) wrong++;
        for (size_t i = 0; i < READS; i++) {
            const enum platesieve_client_result expected = i % 10 == 9 ? PLATESIEVE_CLIENT_UNCHECKED : i % 4 == 0 ? PLATESIEVE_CLIENT_HIT : PLATESIEVE_CLIENT_CLEAR;

            if (answers[i].result != expected || answers[i].false_alerts > 0) wrong++;
        }
    }
    return wrong == 0 ? NULL : client;
}

int main(int argc, char **argv)
{
    struct platesieve_client_settings settings = { .size = sizeof settings, .threads_max = 3, .reads_max = 8, .candidates_max = 2 };
    struct platesieve_client_state state;
    pthread_t threads[6];
    void *wrong = NULL;

    if (argc != 6) return 2;
    settings.gates = argv[1], settings.keys = argv[2], settings.certificate = argv[3], settings.key = argv[4], settings.ca = argv[5];
    if (platesieve_failed(platesieve_client_open(&settings, &client)) || platesieve_client_wait(client, 5000) != PLATESIEVE_CLIENT_CHECKED) return 3;
    for (unsigned i = 0; i < 6; i++) pthread_create(&threads[i], NULL, ask, NULL);
    for (unsigned i = 0; i < 6; i++) {
        void *one;

        pthread_join(threads[i], &one);
        if (one != NULL) wrong = one;
        platesieve_client_renewed(client);
    }
    platesieve_client_look(client, &state);
    printf("%d %u %u %u %u %d\n", state.ready, state.gates, state.gates_well, state.keys, state.keys_well, state.skew_known && state.skew_ms < 1000);
    platesieve_client_close(client);
    return wrong == NULL ? 0 : 1;
}
"""


def test_threads_share_a_client(installation, second, listed, tmp_path_factory):
    """More threads than may ask at one time, more reads than one request takes; nothing is printed."""
    program, env = build(tmp_path_factory, MANY)
    done = subprocess.run([str(program), *arguments(installation, second)], capture_output=True, text=True, check=False, timeout=60,
                          env={**env, "PLATESIEVE_GATE": "https://127.0.0.1:1", "PLATESIEVE_PKI": "/nonexistent"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 2 2 3 3 1\n", "")


PICTURE = r"""
#include <platesieve/client.h>
#include <stdio.h>
#include <string.h>

static void say(void *context, const char *line)
{
    fprintf(context, "%s\n", line);
}

static void told(void *context, const char *hit, const char *outcome)
{
    (void)context;
    printf("%s %s\n", hit, outcome);
}

int main(int argc, char **argv)
{
    struct platesieve_client_settings settings = { .size = sizeof settings, .say = say, .context = stderr, .picture = told, .pictures_bytes = 1u << 20,
                                                   .pictures_wait_s = 30 };
    struct platesieve_client_candidate candidate = { "QQ61XX61", 8, "NL", PLATESIEVE_CODES_ISO, 0.5 };
    struct platesieve_client_read read = { .count = 1, .candidates = &candidate };
    struct platesieve_client_answer answer;
    struct platesieve_client *client;
    static unsigned char picture[1u << 18];
    size_t size = fread(picture, 1, sizeof picture, stdin);

    if (argc != 6) return 2;
    settings.gates = argv[1], settings.keys = argv[2], settings.certificate = argv[3], settings.key = argv[4], settings.ca = argv[5];
    if (platesieve_failed(platesieve_client_open(&settings, &client))) return 3;
    platesieve_client_read_id(read.id);
    if (platesieve_failed(platesieve_client_check(client, &read, 1, 10000, &answer)) || answer.result != PLATESIEVE_CLIENT_HIT) return 4;
    if (!answer.alerts[0].wants_picture || platesieve_failed(platesieve_client_picture(client, &answer.alerts[0], picture, size))) return 5;
    answer.alerts[0].wants_picture = false;
    if (!platesieve_failed(platesieve_client_picture(client, &answer.alerts[0], picture, size))) return 6;
    platesieve_client_close(client); /* waits for the picture */
    return 0;
}
"""


def test_a_picture_goes_sealed_to_the_agency(installation, second, listed, tmp_path_factory):
    installation.platesieve("list", "recipients", "--as", "agency/customs/ana", listed, "--cert", installation.pki / "evidence/customs.1.pem")
    program, env = build(tmp_path_factory, PICTURE)

    def send():
        done = subprocess.run([str(program), *arguments(installation, second)], input=jpeg(), capture_output=True, check=False, timeout=60, env=env)
        assert done.returncode in (0, 5) and done.stderr == b"", (done.returncode, done.stderr)
        return done if done.returncode == 0 else None  # 5: the gate has not heard of the recipients yet

    hit, outcome = eventually(send).stdout.decode().split()
    assert outcome == "stored"
    assert eventually(lambda: [one["evidence"] for one in installation.hits(listed) if one["hit"] == hit]) == [1]


def test_files_that_cannot_be_used_are_told_at_once(installation, second, listed, tmp_path, tmp_path_factory):
    """Another's key, one with a passphrase, which nobody is asked for, an empty authority: not at the first read, but as the client is opened."""
    del listed
    program, env = build(tmp_path_factory, PICTURE)
    gates, keys, certificate, key, authority = arguments(installation, second)
    locked, empty = tmp_path / "locked.key", tmp_path / "empty.pem"
    subprocess.run(["openssl", "pkcs8", "-topk8", "-in", str(key), "-out", str(locked), "-passout", "pass:word"], capture_output=True, check=True)
    empty.write_text("")
    other = installation.pki / "reader" / ("south.2.key" if "south.1" in str(key) else "south.1.key")
    for files, said in (((certificate, other, authority), "the key can't be used"), ((certificate, locked, authority), "the key can't be used"),
                        ((certificate, key, empty), "the authority's certificate can't be used")):
        done = subprocess.run([str(one) for one in (program, gates, keys, *files)], input="", capture_output=True, text=True, check=False, timeout=20, env=env)
        assert (done.returncode, done.stdout) == (3, "") and said in done.stderr and done.stderr.count("\n") == 1, done.stderr
