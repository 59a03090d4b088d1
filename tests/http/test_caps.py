"""The operator's caps: nobody lists everybody.  Refused pushes leave the last good revision."""
from house import assert_problem

INSTALLATION = {"gate.lists.cap_tokens": "40", "gate.lists.near_entries_max": "2"}
ANA = "agency/customs/ana"


def push(installation, name, plates_, grade):
    revision = installation.open_revision(name, "replace")
    lines = installation.entry_lines(name, [{"plate": plate, "jurisdiction": "US-TX"} for plate in plates_], grade=grade)
    body = "".join(line + "\n" for line in lines).encode()
    answer = installation.put_part(name, revision, 1, body)
    if answer.status_code == 200:
        answer = installation.commit(name, revision, [body], len(lines))
    return answer


def test_cap_in_tokens(installation):
    name = installation.new_list()
    assert installation.list_object(name)["cap_tokens"] == 40
    assert push(installation, name, ["QQ0001A"], "plate").status_code == 200
    assert_problem(push(installation, name, [f"QQ{number:04d}B" for number in range(100)], "plate"), 422, "cap")
    assert installation.list_object(name)["revision"] == 1
    installation.wait_live(name, 1)
    assert installation.check("QQ0001A")["answer"] == "hit"
    assert installation.check("QQ0001B")["answer"] == "clear"


def test_cap_of_near_entries(installation):
    name = installation.new_list(grade="near")
    assert_problem(push(installation, name, ["QQ01A", "QQ02B", "QQ03C"], "near"), 422, "cap")
    assert installation.list_object(name)["revision"] == 0


def test_a_partial_plate_counts_with_all_its_tokens(installation, tmp_path):
    name = installation.new_list()
    file = tmp_path / "list.csv"
    file.write_text("plate,jurisdiction\nQQ77?,NL\n")
    done = installation.platesieve("--as", ANA, "list", "push", name, file, code=5)
    assert "cap" in done.stderr and installation.list_object(name)["revision"] == 0
    file.write_text("plate,jurisdiction\nQQ77?,\n")  # 35 tokens, and none at `full`
    installation.platesieve("--as", ANA, "list", "push", name, file, code=3)
    assert installation.list_object(name)["entries"] == 1
