"""platesieve list push: what changed is sent, and nothing else; what is remembered of a list is worth nothing to a thief."""
import contextlib
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

import plates
from fake import Client, Epoch, Fake, Problem
from house import TOP, eventually

PROGRAM = os.environ.get("PLATESIEVE_BUILD", str(TOP / "build")) + "/platesieve"
HEADER = "plate,jurisdiction,reference,effective,expires\n"


@pytest.fixture
def client(tmp_path):
    return Client(tmp_path, PROGRAM)


@pytest.fixture
def fake(client):
    server = Fake(client.pki)
    client.point_at(server)
    server.make_list("stolen")
    yield server
    server.stop()


def row(number, plate=None, reference=None, expires=""):
    return f"{plate or f'QQ{number:05d}'},NL,{f'case {number}' if reference is None else reference},,{expires}\n"


def write(client, rows, name="list.csv"):
    path = client.folder / name
    path.write_text(HEADER + "".join(rows), encoding="ascii")
    return path


def push(client, rows, *options, code=0, **more):
    return client.json("list", "push", "stolen", write(client, rows), *options, code=code, **more)[-1]


def sent(fake, number=None):
    """The lines of a revision, the youngest by default."""
    revision = fake.revisions[number or max(fake.revisions)]
    return revision["mode"], [json.loads(line) for _, part in sorted(revision["parts"].items()) for line in part.splitlines()]


def counts(summary):
    return [summary[name] for name in ("added", "changed", "removed", "unchanged")]


ROWS = [row(number) for number in range(20)]


def test_only_what_changed_is_sent(client, fake):
    assert push(client, ROWS)["way"] == "replace"
    before = dict(fake.lists["stolen"]["standing"])
    summary = push(client, ROWS[:5] + [row(5, expires="2036-01-01"), row(6, plate="QQ77QQ7")] + ROWS[8:] + [row(99)])
    assert summary["way"] == "delta" and summary["entries"] == 20 and counts(summary) == [1, 2, 1, 17]
    mode, lines = sent(fake)
    assert mode == "change" and sorted(line["op"] for line in lines) == ["add", "add", "add", "remove"]
    after = fake.lists["stolen"]["standing"]
    assert len(after) == 20 and len(set(before) & set(after)) == 19
    # the row whose date changed kept its reference, and the one whose plate changed took the place of the old one
    changed = [line["reference"] for line in lines if line["op"] == "add" and line["reference"] in before]
    assert len(changed) == 2 and [line.get("expires") for line in lines if "expires" in line] == ["2036-01-01T00:00:00.000Z"]


def test_rows_in_another_order_are_no_change(client, fake):
    push(client, ROWS)
    assert counts(push(client, ROWS[::-1])) == [0, 0, 0, 20]
    assert sent(fake) == ("change", [])


def test_an_unchanged_file_renews_the_age(client, fake):
    first = push(client, ROWS)
    second = push(client, ROWS)
    assert second["revision"] > first["revision"] == 1 and second["parts"] == 0 and counts(second) == [0, 0, 0, 20]
    assert fake.lists["stolen"]["revision"] == 2 and "age begins anew" in client.run("list", "push", "stolen", write(client, ROWS)).stdout


def test_rows_without_a_reference_keep_theirs(client, fake):
    push(client, [row(number, reference="") for number in range(5)])
    before = set(fake.lists["stolen"]["standing"])
    summary = push(client, [row(0, reference="", expires="2036-01-01")] + [row(number, reference="") for number in range(1, 5)])
    assert counts(summary) == [0, 1, 0, 4] and set(fake.lists["stolen"]["standing"]) == before


def test_full_replaces(client, fake):
    push(client, ROWS)
    assert push(client, ROWS, "--full")["way"] == "replace" and sent(fake)[0] == "replace"
    assert push(client, ROWS)["way"] == "delta"


def test_a_list_that_somebody_else_pushed_is_replaced(client, fake):
    push(client, ROWS)
    theirs = {"PLATESIEVE_STATE": str(client.folder / "other")}
    shutil.copytree(client.folder / "state", client.folder / "other")
    shutil.rmtree(client.folder / "other/customs/pushed")
    done = client.run("list", "push", "stolen", write(client, ROWS[:10], "theirs.csv"), env=theirs)
    assert "nothing is remembered here" in done.stderr and len(fake.lists["stolen"]["standing"]) == 10
    done = client.run("list", "push", "stolen", write(client, ROWS))
    assert "another revision than the one pushed from here" in done.stderr and sent(fake)[0] == "replace"
    assert len(fake.lists["stolen"]["standing"]) == 20
    assert push(client, ROWS)["way"] == "delta"


def test_a_database_that_was_put_back(client, fake):
    """The number of the revision is the one that was pushed from here, and its content another one."""
    push(client, ROWS)
    fake.revisions[1]["parts"][1] += b"\n"
    assert push(client, ROWS)["way"] == "replace"


def test_other_settings(client, fake):
    push(client, ROWS)
    fake.lists["stolen"]["grade"] = "similar"
    assert "grade" in client.run("list", "push", "stolen", write(client, ROWS)).stderr and sent(fake)[0] == "replace"
    assert "another form" in client.run("list", "push", "stolen", write(client, ROWS), "--clear-references").stderr
    assert push(client, ROWS + [row(20)], "--clear-references")["way"] == "delta"


def test_after_many_changes_all_is_sent(client, fake):
    push(client, ROWS)
    with contextlib.closing(sqlite3.connect(remembered(client))) as file, file:
        file.execute("UPDATE heads SET changes = 499")
    assert push(client, ROWS[1:])["way"] == "delta"
    assert push(client, ROWS[1:])["way"] == "replace"
    assert push(client, ROWS)["way"] == "delta"


def test_much_that_is_new_is_sent_whole(client, fake):
    push(client, [row(number) for number in range(1500)])
    summary = push(client, [row(number) for number in range(400, 400 + 3000)] + ["\n", ",NL,x,,\n"], code=3)
    assert summary["way"] == "replace" and summary["entries"] == 3000 and summary["rows"] == 3001
    assert len(fake.lists["stolen"]["standing"]) == 3000 and sent(fake)[0] == "replace"


def test_an_empty_file_does_not_empty_a_list(client, fake):
    push(client, ROWS)
    client.run("list", "push", "stolen", write(client, []), code=1)
    assert len(fake.lists["stolen"]["standing"]) == 20 and max(fake.revisions) == 1
    assert counts(push(client, [], "--yes")) == [0, 0, 20, 0]
    assert not fake.lists["stolen"]["standing"]


def test_add_and_remove_are_remembered(client, fake):
    push(client, ROWS)
    client.run("list", "add", "stolen", write(client, [row(30)], "more.csv"))
    client.run("list", "remove", "stolen", write(client, [row(3)], "less.csv"))
    assert len(fake.lists["stolen"]["standing"]) == 20
    assert counts(push(client, ROWS[:3] + ROWS[4:])) == [0, 0, 1, 19]  # the file says what the list is: 30 goes
    assert counts(push(client, ROWS)) == [1, 0, 0, 19]


# -- epochs ----------------------------------------------------------------------------------------------------------------------


def covers(fake):
    return [sorted(entry["tokens"]) for entry in fake.lists["stolen"]["standing"].values()]


def test_tokens_for_a_new_epoch(client, fake):
    push(client, ROWS)
    fake.epochs.append(Epoch("20260102T000000Z", "coming"))
    summary = push(client, ROWS[1:] + [row(50)])
    assert counts(summary) == [1, 0, 1, 19] and summary["way"] == "delta"
    assert covers(fake) == [["20260101T000000Z", "20260102T000000Z"]] * 20
    assert [sent(fake, number)[0] for number in (2, 3)] == ["change", "tokens"]
    assert all(list(line["tokens"]) == ["20260102T000000Z"] for line in sent(fake, 3)[1])
    assert counts(push(client, ROWS)) == [1, 0, 1, 19] and max(fake.revisions) == 4


def test_an_unchanged_file_and_a_new_epoch(client, fake):
    push(client, ROWS)
    fake.epochs.append(Epoch("20260102T000000Z", "coming"))
    push(client, ROWS)
    assert sent(fake)[0] == "tokens" and max(fake.revisions) == 2 and all(len(one) == 2 for one in covers(fake))
    client.run("list", "tokens", "stolen", write(client, ROWS))
    assert max(fake.revisions) == 2


def test_all_epochs_are_new(client, fake):
    push(client, ROWS)
    fake.epochs[:] = [Epoch("20260105T000000Z")]
    assert push(client, ROWS)["way"] == "replace"
    assert covers(fake) == [["20260105T000000Z"]] * 20


def test_an_epoch_with_another_key(client, fake):
    """A rotation: the same opening time, another key."""
    push(client, ROWS)
    fake.epochs[0] = Epoch("20260101T000000Z")
    push(client, ROWS)
    assert sent(fake)[0] == "replace"


def test_standard_input(client, fake):
    text = HEADER + "".join(ROWS)
    client.run("list", "push", "stolen", "-", text=text)
    summary = client.json("list", "push", "stolen", "-", text=text + row(20))[-1]
    assert summary["way"] == "delta" and counts(summary) == [1, 0, 0, 20]
    fake.epochs.append(Epoch("20260102T000000Z", "coming"))
    done = client.run("list", "push", "stolen", "-", text=text)
    assert "can't be read twice" in done.stderr and all(len(one) == 2 for one in covers(fake))


# -- two at once -----------------------------------------------------------------------------------------------------------------


def test_two_machines_at_once(client, fake):
    """Who comes second is told; the list is one of the two files, never both."""
    push(client, ROWS)
    shutil.copytree(client.folder / "state", client.folder / "other")
    theirs = {"PLATESIEVE_STATE": str(client.folder / "other")}
    began = threading.Event()

    def fault(method, path):
        if method == "POST" and path.endswith("/commit") and not began.is_set():
            began.set()
            fake.faults.remove(fault)
            client.run("list", "push", "stolen", write(client, ROWS[:15] + [row(70)], "theirs.csv"), env=theirs)

    fake.faults.append(fault)
    # the fake does not look at the base at commit: it says what a gate would
    fake.faults.append(lambda method, path: Problem(409, "base") if began.is_set() and path.endswith("/2/commit") else None)
    done = client.run("list", "push", "stolen", write(client, ROWS[5:] + [row(80)]), code=5)
    assert "another push of this list came first" in done.stderr
    fake.faults.clear()
    assert len(fake.lists["stolen"]["standing"]) == 16
    assert push(client, ROWS[5:] + [row(80)])["way"] == "replace"
    assert len(fake.lists["stolen"]["standing"]) == 16 and push(client, ROWS[5:] + [row(80)])["way"] == "delta"


def test_two_on_one_machine_go_one_after_the_other(client, fake):
    push(client, ROWS)
    fake.faults.append(lambda method, path: time.sleep(0.4) if path.endswith("/commit") else None)
    files = [write(client, ROWS + [row(number)], f"{number}.csv") for number in (60, 61)]
    done = [None, None]

    def go(number):
        done[number] = client.run("list", "push", "stolen", files[number])

    threads = [threading.Thread(target=go, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("waiting for its end" in one.stderr for one in done) == 1
    assert len(fake.lists["stolen"]["standing"]) == 21 and push(client, ROWS)["way"] == "delta"


# -- killed, and answers that are lost -------------------------------------------------------------------------------------------


def environment(client):
    return {**os.environ, "PLATESIEVE_PKI": str(client.pki), "PLATESIEVE_STATE": str(client.folder / "state"), **client.urls}


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_killed_at_the_commit(client, fake, whole, committed):
    """Whether the gate had committed by then or not: the next push knows."""
    push(client, ROWS)
    reached, after = threading.Event(), ROWS[2:] + [row(90)]

    def fault(method, path):
        if method != "POST" or not path.endswith("/commit"):
            return None
        if committed:
            revision = fake.revisions[2]
            parts = [revision["parts"][key] for key in sorted(revision["parts"])]
            lines = sum(part.count(b"\n") for part in parts)
            fake.commit("stolen", 2, revision, {"parts": len(parts), "entries": lines, "sha256": plates.digest_of_parts(parts)})
        reached.set()
        time.sleep(1.5)
        return "cut"

    fake.faults.append(fault)
    child = subprocess.Popen([PROGRAM, "list", "push", "stolen", str(write(client, after)), *(["--full"] if whole else [])], env=environment(client),
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert reached.wait(20)
    child.send_signal(signal.SIGKILL)
    child.wait()
    fake.faults.clear()
    summary = push(client, after)
    assert summary["way"] == "delta" and counts(summary) == ([0, 0, 0, 19] if committed else [1, 0, 2, 18])
    assert len(fake.lists["stolen"]["standing"]) == 19


def test_an_answer_that_is_lost(client, fake):
    """The gate has committed, and nobody heard it: the client asks again."""
    push(client, ROWS)
    reply, cut = fake.reply, []

    def silent_once(handler, *more):
        if handler.path.endswith("/2/commit") and not cut:
            cut.append(True)
            handler.close_connection = True
            handler.connection.close()
            return
        reply(handler, *more)

    fake.reply = silent_once
    assert counts(push(client, ROWS[1:])) == [0, 0, 1, 19] and cut
    assert counts(push(client, ROWS[1:])) == [0, 0, 0, 19]


def test_a_refused_change_is_forgotten(client, fake):
    push(client, ROWS)
    fake.faults.append(lambda method, path: Problem(422, "cap") if path.endswith("/commit") else None)
    client.run("list", "push", "stolen", write(client, ROWS[5:]), code=5)
    fake.faults.clear()
    assert counts(push(client, ROWS)) == [0, 0, 0, 20]


# -- what is remembered ------------------------------------------------------------------------------------------------------------


def remembered(client):
    return client.folder / "state/customs/pushed/ana/stolen.db"


def test_a_damaged_file_is_made_anew(client, fake):
    push(client, ROWS)
    for junk in (b"", b"not a database", remembered(client).read_bytes()[:5000]):
        remembered(client).write_bytes(junk)
        assert push(client, ROWS)["way"] == "replace" and push(client, ROWS)["way"] == "delta"
    key = client.folder / "state/customs/reference.key"
    key.write_bytes(bytes(64))  # another key: what was remembered can't be held against anything
    assert push(client, ROWS)["way"] == "replace"


def test_entries_that_are_not_remembered_do_not_stay(client, fake):
    """What is remembered has lost entries that then leave the file: a change can't remove them, so the list is replaced at once."""
    push(client, ROWS)
    with contextlib.closing(sqlite3.connect(remembered(client))) as file, file:
        file.execute("DELETE FROM entries WHERE key IN (SELECT key FROM entries LIMIT 8)")
    done = client.run("list", "push", "stolen", write(client, ROWS[10:] + [row(20)]), "--override", "--json")
    assert "counts other entries than the file" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["way"] == "replace" and len(fake.lists["stolen"]["standing"]) == 11
    assert push(client, ROWS[10:] + [row(21)])["way"] == "delta"


@pytest.mark.parametrize("options", [(), ("--clear-references",)])
def test_nothing_in_it_can_be_tried_out(client, fake, options):
    """Neither plates nor references stand in it, not in any file of that folder, in no form that does without the key."""
    rows = [row(number, plate=f"QQ77Z{number:02d}", reference=f"secret-{number:02d}") for number in range(40)]
    push(client, rows, *options)
    push(client, rows[3:] + [row(60, plate="QQ88Z88", reference="secret-88")], *options)
    folder = remembered(client).parent
    held = b"".join(path.read_bytes() for path in folder.iterdir())
    assert len(held) > 4096
    for number in [*range(40), 88]:
        plate, reference = f"QQ{77 if number < 40 else 88}Z{number:02d}", f"secret-{number:02d}"
        for text in (plate, reference, plate.lower()):
            assert text.encode() not in held
            for digest in (hashlib.sha256, hashlib.sha1, hashlib.md5, hashlib.blake2b):
                assert digest(text.encode()).digest()[:8] not in held
    with contextlib.closing(sqlite3.connect(remembered(client))) as file:
        assert file.execute("SELECT count(*) FROM entries").fetchone() == (38,)
        assert file.execute("SELECT count(*) FROM changes").fetchone() == (0,)
    assert (folder.stat().st_mode & 0o777, remembered(client).stat().st_mode & 0o777) == (0o700, 0o600)


def test_lines_that_gave_tokens_are_erased(installation, tmp_path):
    """A list that is never replaced does not leave a row for each entry and epoch behind."""
    house, name, file = installation, installation.new_list(), tmp_path / "list.csv"
    file.write_text(HEADER + "".join(ROWS), encoding="ascii")
    house.push(name, [{"plate": "QQ70070", "jurisdiction": "NL"}], epochs=house.epochs(("open",)))
    edits = f"SELECT count(*) FROM platesieve.edits JOIN platesieve.revisions r USING (segment) JOIN platesieve.lists l ON l.number = r.list WHERE l.id = '{name}'"
    revision = house.push(name, [{"plate": "QQ70070", "jurisdiction": "NL"}], mode="tokens", epochs=house.epochs(("coming",)))["revision"]
    eventually(lambda: house.one(edits) == "0", 30)
    house.wait_live(name, revision)
    assert all(epoch["covered"] for epoch in house.list_object(name)["epochs"]) and house.check("QQ70070", "NL")["answer"] == "hit"


# -- the real gate -----------------------------------------------------------------------------------------------------------------

ANA = "agency/customs/ana"


def test_through_the_real_gate(installation, tmp_path):
    """Hits follow the file; an unchanged file renews the age."""
    house, name, file = installation, installation.new_list(age_limit_s=3600), tmp_path / "list.csv"

    def go(rows, *options):
        file.write_text(HEADER + "".join(rows), encoding="ascii")
        summary = json.loads(house.platesieve("--as", ANA, "list", "push", name, file, "--json", *options).stdout.splitlines()[-1])
        house.wait_live(name, summary["revision"])
        return summary

    def found(plate):
        alerts = house.check(plate, "NL")["alerts"] if house.check(plate, "NL")["answer"] == "hit" else []
        return any(alert["list"] == name for alert in alerts)

    assert go(ROWS)["way"] == "replace"
    assert counts(go(ROWS[1:] + [row(20)])) == [1, 0, 1, 19]
    assert not found("QQ00000") and found("QQ00001") and found("QQ00020")
    before = house.list_object(name)
    assert counts(go(ROWS[1:] + [row(20)])) == [0, 0, 0, 20]
    after = house.list_object(name)
    assert after["committed_at"] > before["committed_at"] and after["entries"] == before["entries"] == 20
    assert after["revision"] == before["revision"] + 1 and all(epoch["covered"] for epoch in after["epochs"])
    assert counts(go([row(20, plate="QQ00099")] + ROWS[1:])) == [0, 1, 0, 19]
    eventually(lambda: found("QQ00099") and not found("QQ00020"))
