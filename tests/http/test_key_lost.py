"""docs/key-lost.md: what it tells people to do when a key is lost or stolen, from its first command to its last."""
import os
import pty
import re
import subprocess
import textwrap
import time

from house import TOP, eventually
from rotating import ANA, HOURLY, READER, answer_of, log_of, moment


def shell_blocks(title):
    """The commands under that title of docs/key-lost.md."""
    page = (TOP / "docs/key-lost.md").read_text()
    section = page[page.index(f"\n## {title}\n"):]
    section = section[:section.index("\n## ", 4)]
    return [textwrap.dedent(block) for block in re.findall(r"^ *```sh\n(.*?)^ *```", section, re.M | re.S)]


def run_block(house, block, folder):
    """As it stands, with this installation's paths for those of Debian; on a terminal, where somebody types what is asked for."""
    for there, here in (("/etc/platesieve/", house.folder / "etc"), ("/var/lib/platesieve/", house.folder)):
        block = block.replace(there, f"{here}/")
    master, slave = pty.openpty()
    try:
        os.write(master, b"rotate\n")
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", block], stdin=slave, capture_output=True, text=True, cwd=folder, timeout=120, check=False,
                              env={**os.environ, **house.environment(), "PATH": f"{house.programs}:{os.environ['PATH']}"})
    finally:
        os.close(master)
        os.close(slave)
    assert done.returncode == 0, (block, done.stdout, done.stderr)
    return done.stdout + done.stderr


def made_and_pushed(house, folder):
    (folder / "stolen.csv").write_text("plate,jurisdiction,reference\nQQ87ROT,US-TX,case 87\n", encoding="ascii")
    house.platesieve("--as", ANA, "list", "create", "stolen", "--category", "stolen")
    house.platesieve("--as", ANA, "list", "push", "stolen", folder / "stolen.csv")
    eventually(lambda: answer_of(house, "QQ87ROT") == ("hit", []))


def assert_well_again(house):
    eventually(lambda: answer_of(house, "QQ87ROT") == ("hit", []))
    assert answer_of(house, "ZZZ9999") == ("clear", [])

    def well():
        status = house.get("/v1/status", "auditor/ines").json()
        return status["ready"] and not status["degraded"] and not status["alarms"]
    eventually(well)


def opened(house):
    """Once the epoch of the rotation is the only one that lanes are told."""
    rotation = next(one["id"] for one in house.epochs(("coming", "open")) if moment(one["opens"]) % 3600)
    eventually(lambda: [one["id"] for one in house.lane(READER)["epochs"]] == [rotation])


def test_the_page_for_the_key_servers_loss(new_installation, tmp_path):
    """docs/key-lost.md from its first command to its last."""
    house = new_installation(HOURLY)
    made_and_pushed(house, tmp_path)
    anew, rotation, push, look = shell_blocks("The key server lost its keys")
    house.stop(("keys",))
    (house.folder / "secrets/keys-master.key").unlink()
    run_block(house, anew, tmp_path)
    (house.folder / "keys/.made").touch()  # or deploy/local would make it once more
    house.start(("keys",))
    house.forget_connections()
    house.prfs.clear()
    eventually(lambda: "epochs" in house.get("/v1/status", "auditor/ines").json()["degraded"])
    said = run_block(house, rotation, tmp_path)
    assert "No list has tokens" in said and "at 1 of 1 key servers" in said
    opened(house)
    assert answer_of(house, "QQ87ROT")[0] == "no-lists"
    assert "ALARM" in run_block(house, look, tmp_path)
    run_block(house, push, tmp_path)
    assert_well_again(house)
    said = run_block(house, look, tmp_path)
    assert "ALARM" not in said and "degraded" not in said


def test_the_page_for_a_stolen_key(new_installation, tmp_path):
    """With half an hour's notice: no read goes unchecked, and nothing is left to do when the time comes."""
    house = new_installation(HOURLY)
    made_and_pushed(house, tmp_path)
    rotation, push = shell_blocks("A key is stolen")
    assert "and are destroyed" not in log_of(house)
    run_block(house, rotation, tmp_path)
    run_block(house, push, tmp_path)
    assert answer_of(house, "QQ87ROT") == ("hit", [])
    new = [one for one in house.epochs(("coming",)) if moment(one["opens"]) % 3600]
    assert 1700 < min(moment(one["opens"]) for one in new) - time.time() < 1900
    assert all(one["covered"] for one in house.list_object("stolen")["epochs"])
    assert "disk of keys-1 was copied" in log_of(house)


def test_the_page_for_the_gates_loss(new_installation, tmp_path):
    house = new_installation(HOURLY)
    made_and_pushed(house, tmp_path)
    eventually(lambda: house.get("/v1/status", "auditor/ines").json()["spool"]["depth"] == 0)
    house.stop(("gate",))
    (house.folder / "secrets/gate-state.key").unlink()
    for block in shell_blocks("The gate lost its pepper"):
        run_block(house, block, tmp_path)
    (house.folder / "gate/.made").touch()
    house.forget_connections()
    house.start(("gate",), ready=False)
    eventually(lambda: "epochs" in house.get("/v1/status", "auditor/ines").json()["degraded"])
    eventually(lambda: house.get("/v1/lane", READER).json().get("epochs") == [])  # once its lists are loaded
    house.prfs.clear()
    run_block(house, shell_blocks("The key server lost its keys")[1], tmp_path)
    opened(house)
    run_block(house, shell_blocks("The key server lost its keys")[2], tmp_path)
    assert_well_again(house)
