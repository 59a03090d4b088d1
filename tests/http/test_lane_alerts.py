"""What a lane service makes of a hit: a line, a display, a command, a page; what the officer says of it; and its picture, sealed to the agency."""
import base64
import contextlib
import hashlib
import http.client
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from house import eventually
from lane import LOCAL
from memory import found
from relay import relay_to
from chromium import Browser, chromium
from screen import Screen
from sealing import jpeg, segment, unseal
from test_residue import needs_root

PLATES = [f"QQ{number:02d}LRT" for number in (31, 42, 53, 64, 75, 86, 97, 8, 19, 20)]  # a vehicle for each test: in the list's cooldown it would be the same hit again
LISTED, OTHER, PROBE = PLATES[:3]
ANA = "agency/customs/ana"
MARK = bytes(range(7, 247, 5))
PICTURE = jpeg(middle=b"\xff\xe1\x00\x0fExif\0\0where\x00\x00" + segment(0xfe, MARK))


@pytest.fixture(scope="module")
def hot_list(installation):
    """A list whose agency wants pictures."""
    name = installation.new_list(grade="similar", instruction='Do "not" stop <b>alone</b>', priority=20)
    installation.push(name, [{"plate": plate, "jurisdiction": "US-TX"} for plate in PLATES], grade="similar")
    installation.platesieve("list", "recipients", "--as", ANA, name, "--cert", installation.pki / "evidence/customs.1.pem")
    eventually(lambda: "header" in installation.check(PROBE)["alerts"][0])
    return name


@pytest.fixture
def lane(installation, hot_list, tmp_path):
    """A maker of lanes as reader/north/1 that end with the test."""
    del hot_list
    with contextlib.ExitStack() as stack:
        def make(alerts=(), **sections):
            service = installation.lane_service(folder=tmp_path / f"lane-{len(made)}", alerts=dict(alerts), **sections)
            made.append(service)
            service.start()
            stack.callback(lambda: service.process.poll() is None and service.kill())
            eventually(lambda: service.status()["ready"])
            return service
        made = []
        yield make


def plain(plate, picture=None, **more):
    return {"plate": plate, "jurisdiction": "US-TX", **({"image": base64.b64encode(picture).decode()} if picture else {}), **more}


def judge(service, hit, word, **headers):
    request = urllib.request.Request(f"{service.url}/alerts/{hit}/judgement", json.dumps({"judgement": word}).encode(),
                                     {"Content-Type": "application/json", **headers}, method="POST")
    with LOCAL.open(request, timeout=10) as answer:
        return json.load(answer)


def kept(service, hit):
    return next((one for one in service.get("/alerts?after=0")["alerts"] if one["hit"] == hit), None)


def image_of(service, hit):
    with LOCAL.open(f"{service.url}/alerts/{hit}/image", timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read()


def test_a_display_gets_image_and_reading(installation, lane, hot_list):
    with Screen() as screen:
        service = lane({"display": f"http://127.0.0.1:{screen.port}/alert"})
        service.post("plain", plain("qq-31 lrt", PICTURE, camera="gate 4", confidence=0.93))
        alert = eventually(lambda: screen.alerts)[0]
        assert (alert["agency"], alert["list"], alert["grade"], alert["priority"], alert["instruction"]) == \
               ("customs", hot_list, "full", 20, 'Do "not" stop <b>alone</b>')
        assert alert["reading"] == {"confidence": 0.93, "plate": "qq-31 lrt", "best": "qq-31 lrt", "jurisdiction": "US-TX", "camera": "gate 4", "engine": "plain"}
        assert re.fullmatch(r"plate and jurisdiction, list \d+ (s|min) old", alert["words"]) and alert["verify"] is False
        assert alert["image"] == {"type": "image/jpeg", "data": base64.b64encode(PICTURE).decode()}
        service.post("plain", plain("QQ3ILRT", jurisdiction=None))  # a character that is easily confused
        service.post("plain", plain(OTHER, jurisdiction="US-NM"))
        weaker = {one["grade"]: one for one in eventually(lambda: screen.alerts if len(screen.alerts) == 3 else None)[1:]}
        assert set(weaker) == {"similar", "plate"} and all(one["verify"] and one["words"].endswith("old: VERIFY") for one in weaker.values())
        assert screen.connections == 1
        line = eventually(lambda: service.lines() if len(service.lines()) == 3 else None)[0]
        assert re.fullmatch(rf'\d\d:\d\d:\d\d  ALERT  qq-31 lrt US-TX  stolen \(customs/{hot_list}\), plate and jurisdiction, list \d+ \w+ old, '
                            rf'priority 20: Do "not" stop <b>alone</b>  \[gate 4\]  \[hit {alert["hit"]}\]', line), line
        status = service.status()
        assert status["alerts"]["display"] == {"well": True, "why": None, "since": None, "delivered": 3, "lost": 0, "waiting": 0} and status["alarms"] == []
        # the picture went to the agency, and nothing but its pixels
        eventually(lambda: service.status()["alerts"]["pictures"] == {"delivered": 1, "lost": 0})
        eventually(lambda: any(one["hit"] == alert["hit"] and one["evidence"] == 1 for one in installation.hits(hot_list)))
        sealed = installation.get(f"/v1/hits/{alert['hit']}/evidence/1", ANA).content
        assert unseal(installation.pki, sealed).startswith(b"\xff\xd8") and b"where" not in unseal(installation.pki, sealed)
        assert service.stop() == 0
        assert not re.search("lrt", service.said(), re.I)


def test_a_list_past_its_limit(installation, lane, tmp_path):
    """As an agency makes it: lanes ask it, whoever is alerted is told to verify, and so is the agency; operators have an alarm, until it is pushed again."""
    plate, confused, again, rows = "QQ61AGD", "QQ6IAGD", "QQ72AGD", tmp_path / "rows.csv"
    rows.write_text(f"plate,jurisdiction\n{plate},US-TX\n{again},US-TX\n")

    def agency(*words):
        return installation.platesieve("--as", ANA, "list", *words).stdout

    def alarms():
        return [one["at"] for one in installation.get("/v1/status", "operator/gate/olga").json()["alarms"] if (one["what"], one.get("list")) == ("old", "aged")]

    agency("create", "aged", "--category", "stolen", "--grade", "similar", "--age-limit", "1", "--priority", "20")
    agency("push", "aged", rows)
    eventually(alarms)
    assert installation.metrics()['platesieve_alarm{what="list-old"}'] == 1
    assert re.search(r"ALARM +customs/aged is past its age limit since \S+Z: its hits must be verified", installation.platesieve("--as", "operator/gate/olga", "status").stdout)
    with Screen() as screen:
        service = lane({"display": f"http://127.0.0.1:{screen.port}/alert"})
        service.post("plain", plain(confused))
        alert = eventually(lambda: screen.alerts)[0]
        assert (alert["list"], alert["grade"], alert["old"], alert["verify"]) == ("aged", "similar", True, True) and alert["age_s"] > 1
        assert re.fullmatch(r"similar, list \d+ (s|min) old \(past its limit\): VERIFY", alert["words"])
        assert alert["words"] in eventually(service.lines)[0]
        service.post("plain", plain(plate))  # also what matches in full
        assert re.fullmatch(r"plate and jurisdiction, list \d+ (s|min) old \(past its limit\): VERIFY", eventually(lambda: screen.alerts[1:])[0]["words"])
        hit = installation.wait_hits(1, "aged")[0]
        assert hit["verify"] is True and hit["age_s"] > 1
        agency("set", "aged", "--age-limit", "3600")
        agency("push", "aged", rows)
        eventually(lambda: not alarms())
        service.post("plain", plain(again))
        fresh = eventually(lambda: screen.alerts[2:])[0]
        assert (fresh["grade"], fresh["old"], fresh["verify"]) == ("full", False, False) and "VERIFY" not in fresh["words"]


def test_a_display_that_is_killed(lane):
    with Screen() as screen:
        port = screen.port
        service = lane({"display": f"http://localhost:{port}/", "late_s": "4"})
        service.post("plain", plain(LISTED, PICTURE))
        eventually(lambda: screen.alerts)
    service.post("plain", plain(OTHER, PICTURE))
    eventually(lambda: service.status()["alarms"] == ["display"])
    assert "ALARM: alerts do not get through to the display" in service.said()
    assert len(eventually(lambda: service.lines() if len(service.lines()) == 2 else None)) == 2  # the officer has the line all the same
    assert service.status()["counts"]["reads"]["hits"] == 2 and service.status()["ready"]        # and checks go on
    with Screen(port) as screen:
        assert eventually(lambda: screen.alerts)[0]["reading"]["plate"] == OTHER
        eventually(lambda: service.status()["alarms"] == [])
        assert service.status()["alerts"]["display"]["lost"] == 0 and "alerts get through to the display again" in service.said()
        screen.refuse = 10**6
        service.post("plain", plain(PLATES[3]))
        eventually(lambda: service.status()["alerts"]["display"]["lost"] == 1, 20)  # nobody took it for so long
    assert re.search(r"ALERT of customs/list-\S+ \(plate and jurisdiction, list .* old, priority 20\) did not get through to the display: hit \S{22}", service.said())
    assert "LRT" not in service.said()


def test_a_display_that_hangs(lane, tmp_path):
    """The line and the command do not wait for it, the log of counts and the status say so; back again it gets what the officer has not seen, once."""
    with Screen() as screen:
        screen.hangs = True
        service = lane({"display": f"http://127.0.0.1:{screen.port}/", "command": f"cat >/dev/null; echo . >>{tmp_path}/commands"},
                       log={"file": tmp_path / "counts", "interval_s": "1"})
        for number, plate in enumerate(PLATES[:4], 1):
            service.post("plain", plain(plate, PICTURE))
            eventually(lambda number=number: len(service.lines()) == number)  # so that they are raised in this order
        eventually(lambda: service.status()["alerts"]["command"]["delivered"] == 4)
        eventually(lambda: service.status()["alarms"] == ["display"])
        way = service.status()["alerts"]["display"]
        assert way["why"] == "it does not answer" and way["since"] and (way["delivered"], way["lost"], way["waiting"]) == (0, 0, 4)
        counted = eventually(lambda: next((line for line in map(json.loads, (tmp_path / "counts").read_text().splitlines()) if line["alarms"]), None))
        assert counted["alarms"] == ["display"] and set(counted["lost"]) == {"output", "display", "command", "picture", "judgement"}
        seen = next(one["hit"] for one in service.get("/alerts")["alerts"] if one["reading"]["plate"] == PLATES[2])
        assert service.metrics()['platesieve_lane_way_up{way="display"}'] == 0 and service.metrics()['platesieve_lane_way_up{way="command"}'] == 1
        told = subprocess.run([service.program, "lane", "status", "--url", service.url], capture_output=True, text=True, check=False).stdout
        assert re.search(r"^  display +0 alerts delivered, 0 lost, 4 wait; NOT WELL since \S+Z: it does not answer$", told, re.M)
        judge(service, seen, "acknowledged")
        time.sleep(1)  # all of them have waited for so long then
        screen.hangs = False
        eventually(lambda: service.status()["alarms"] == [])
        eventually(lambda: service.status()["alerts"]["display"]["waiting"] == 0)
        assert [one["reading"]["plate"] for one in screen.alerts] == [PLATES[0], PLATES[3], PLATES[1]]  # what it had already, then the latest first
        assert service.status()["alerts"]["display"]["lost"] == 0


def test_commands_that_hang_or_fail(lane, tmp_path):
    """Those that run on have their ten seconds; what waits for them is not lost; a failure is an alarm, and the alert is in the log."""
    service = lane({"command": f"cat >{tmp_path}/$$; test -e {tmp_path}/well && exit 0; test -e {tmp_path}/fail && exit 3; touch {tmp_path}/hangs-$$; sleep 60"})
    for plate in PLATES[:5]:
        service.post("plain", plain(plate))
    eventually(lambda: service.status()["alerts"]["command"]["waiting"] == 1)
    assert len(eventually(lambda: service.lines() if len(service.lines()) == 5 else None)) == 5
    eventually(lambda: len(list(tmp_path.glob("hangs-*"))) == 4)
    (tmp_path / "well").touch()
    eventually(lambda: (lambda way: (way["delivered"], way["lost"]) == (1, 4))(service.status()["alerts"]["command"]), 30)
    service.post("plain", plain(PLATES[5]))
    eventually(lambda: service.status()["alarms"] == [])
    assert service.said().count("did not get through to the command") == 4 and "it takes too long" in service.said()
    (tmp_path / "well").unlink()
    (tmp_path / "fail").touch()
    service.post("plain", plain(PLATES[6]))
    eventually(lambda: service.status()["alarms"] == ["command"])
    assert service.status()["alerts"]["command"]["why"] == "it fails"


def test_a_command_gets_it_on_its_standard_input(lane, tmp_path):
    script = tmp_path / "tell.sh"
    script.write_text(f"cat > {tmp_path}/alert.new && mv {tmp_path}/alert.new {tmp_path}/alert\n"
                      f"tr '\\0' '\\n' < /proc/$$/environ > {tmp_path}/environ; ps axww -o args > {tmp_path}/ps; echo FLOOD; echo FLOOD >&2\n")
    service = lane({"command": f"/bin/sh {script}", "json": "yes"})
    service.post("plain", plain(LISTED, PICTURE))
    eventually(lambda: service.status()["alerts"]["command"]["delivered"] == 1)
    alert = json.loads((tmp_path / "alert").read_text())
    assert alert["reading"]["plate"] == LISTED and base64.b64decode(alert["image"]["data"]) == PICTURE
    for name in ("environ", "ps"):
        assert LISTED not in (tmp_path / name).read_text() and alert["hit"] not in (tmp_path / name).read_text()
    assert "FLOOD" not in service.said() + service.out.read_text()
    assert LISTED not in service.said() + service.out.read_text()  # without show_plates JSON has no plate
    assert service.alerts()[0]["hit"] == alert["hit"] and "data" not in service.alerts()[0]["image"]
    for place in ("cmdline", "environ"):
        assert LISTED.encode() not in Path(f"/proc/{service.pid}/{place}").read_bytes()


def test_looking_and_judging(installation, lane, hot_list):
    service = lane({"keep_max": "2"})
    assert service.get("/alerts")["alerts"] == []
    service.post("plain", plain(LISTED, PICTURE, camera="<b>"))
    alert = eventually(lambda: service.get("/alerts?after=0")["alerts"])[0]
    assert alert["reading"]["plate"] == LISTED and alert["image"] == {"type": "image/jpeg", "path": f"/alerts/{alert['hit']}/image"}
    assert image_of(service, alert["hit"]) == ("image/jpeg", PICTURE)
    after = service.get("/alerts")["next"]
    assert service.get(f"/alerts?after={after}") == {"alerts": [], "kept": [alert["hit"]], "next": after}
    for bad, status in (("guilty", 400), ("", 400)):
        with pytest.raises(urllib.error.HTTPError) as caught:
            judge(service, alert["hit"], bad)
        assert caught.value.code == status
    with pytest.raises(urllib.error.HTTPError) as caught:
        judge(service, "A" * 22, "misread")
    assert caught.value.code == 404
    with pytest.raises(urllib.error.HTTPError) as caught:
        judge(service, alert["hit"], "misread", Origin="http://evil.example")
    assert caught.value.code == 403
    judge(service, alert["hit"], "acknowledged")
    judge(service, alert["hit"], "wrong-jurisdiction", Origin=service.url)
    shown = eventually(lambda: (lambda one: one if one["told"] == "done" else None)(kept(service, alert["hit"])))
    assert shown["judgement"] == "wrong-jurisdiction" and shown["acknowledged_at"] and shown["judged_at"]
    assert [one["hit"] for one in service.get(f"/alerts?after={after}")["alerts"]] == [alert["hit"]]
    hit = next(one for one in installation.hits(hot_list) if one["hit"] == alert["hit"])
    assert (hit["lane_says"]["judgement"], hit["lane_says"]["at"]) == ("wrong-jurisdiction", shown["judged_at"])
    assert hit["lane_says"]["acknowledged_at"] == shown["acknowledged_at"] and hit["verdict"] is None
    assert service.status()["alerts"]["judgements"] == {"delivered": 2, "lost": 0}
    for number in range(16):  # a gate takes so many words on a hit, and no more
        judge(service, alert["hit"], ("misread", "confirmed")[number % 2])
        eventually(lambda: kept(service, alert["hit"])["told"] != "pending")
    assert kept(service, alert["hit"])["told"] == "failed" and service.status()["alerts"]["judgements"]["lost"] > 0
    # no more are kept than were to be
    for plate in PLATES[3:5]:
        service.post("plain", plain(plate, PICTURE))
    eventually(lambda: kept(service, alert["hit"]) is None)
    assert len(service.get("/alerts")["kept"]) == 2 and service.status()["alerts"]["kept"] == 2
    with pytest.raises(urllib.error.HTTPError) as caught:
        image_of(service, alert["hit"])
    assert caught.value.code == 404


def test_a_word_waits_for_a_gate(installation, lane):
    service = lane()
    service.post("plain", plain(PLATES[6]))
    hit = eventually(lambda: service.get("/alerts?after=0")["alerts"])[0]["hit"]
    with installation.without("gate"):
        judge(service, hit, "confirmed")
        assert kept(service, hit)["told"] == "pending"
    eventually(lambda: kept(service, hit)["told"] == "done")
    assert installation.get(f"/v1/hits/{hit}", ANA).json()["lane_says"]["judgement"] == "confirmed"


def test_a_picture_that_comes_late(installation, lane, hot_list):
    with Screen() as screen:
        service = lane({"display": f"http://127.0.0.1:{screen.port}/", "print": "no"})
        service.post("plain", plain(PLATES[5], camera="a", id="v1", preview=True))
        hit = eventually(lambda: screen.alerts)[0]["hit"]
        assert screen.alerts[0]["image"] is None
        service.post("plain", plain(PLATES[5], PICTURE, camera="a", id="v1"))
        again = eventually(lambda: screen.alerts[1:])[0]
        assert (again["hit"], again["times"]) == (hit, 1) and base64.b64decode(again["image"]["data"]) == PICTURE
        service.post("plain", plain(PLATES[5], jpeg(), camera="a", id="v1"))  # one is enough
        eventually(lambda: any(one["hit"] == hit and one["evidence"] == 1 for one in installation.hits(hot_list)))
        assert len(screen.alerts) == 2 and image_of(service, hit)[1] == PICTURE
        assert service.status()["counts"]["reads"]["hits"] == 1


def test_a_picture_that_comes_while_its_read_waits(installation, lane, hot_list):
    """No gate answers; a final message brings the picture, of what was read before or with another spelling: the alert has it, once there is one."""
    with Screen() as screen, relay_to(installation.asked["ports"]["gate"]) as relay:
        service = lane({"display": f"http://127.0.0.1:{screen.port}/", "print": "no"}, lane={"gate": relay.url}, waiting={"age_s": 120})
        relay.cut()
        for number in (7, 8, 9):
            service.post("plain", plain(PLATES[number], camera="a", id=f"w{number}", preview=True))
        eventually(lambda: "waiting" in service.status()["alarms"])
        assert service.post("plain", plain(PLATES[7], PICTURE, camera="a", id="w7"))["new"] == 0
        assert service.post("plain", plain("QQ19LRX", PICTURE, camera="a", id="w8"))["again"] == 1
        relay.join()
        alerts = eventually(lambda: len(screen.alerts) == 3 and {alert["reading"]["plate"]: alert for alert in screen.alerts})
        assert alerts[PLATES[9]]["image"] is None
        for number in (7, 8):
            assert base64.b64decode(alerts[PLATES[number]]["image"]["data"]) == PICTURE
        eventually(lambda: {hit["hit"]: hit["evidence"] for hit in installation.hits(hot_list)}.items() >=
                   {alerts[PLATES[number]]["hit"]: evidence for number, evidence in ((7, 1), (8, 1), (9, 0))}.items())
        service.post("plain", plain(PLATES[9], PICTURE, camera="a", id="w9"))
        assert base64.b64decode(eventually(lambda: screen.alerts[3:])[0]["image"]["data"]) == PICTURE
        eventually(lambda: any(hit["hit"] == alerts[PLATES[9]]["hit"] and hit["evidence"] == 1 for hit in installation.hits(hot_list)))
        assert service.status()["counts"]["pictures_dropped"] == 0


@needs_root
def test_all_of_it_is_forgotten(lane):
    """Of reads without a hit at once, of hits with their alert: then there is no plate and no picture in the lane's memory."""
    with Screen() as screen:
        service = lane({"keep_s": "2", "display": f"http://127.0.0.1:{screen.port}/", "command": "cat >/dev/null", "print": "no"})
        service.post("plain", plain(LISTED, PICTURE))
        eventually(lambda: screen.alerts and service.status()["alerts"]["command"]["delivered"] == 1)
    known = {"plate": LISTED.encode(), "base64": base64.b64encode(PICTURE[PICTURE.index(MARK) // 3 * 3 + 3:])[:32], "picture": MARK}
    assert {"plate", "picture"} <= set(found(service.pid, known))
    assert service.status()["memory"]["images_bytes"] > 0
    for number in range(20):
        service.post("plain", plain(f"QQ{number:02d}XY{number * 3:02d}", PICTURE))
    eventually(lambda: service.status()["counts"]["reads"]["clear"] == 20)
    eventually(lambda: service.status()["memory"]["images_bytes"] == 0 and service.get("/alerts")["kept"] == [])
    for _ in range(3):
        time.sleep(4)  # a vehicle is in mind for three seconds
        if not (left := found(service.pid, known)):
            break
    assert not left


def test_the_page(lane):
    service = lane()
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    connection.request("GET", "/display")
    answer = connection.getresponse()
    page = answer.read().decode()
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/html; charset=utf-8" and answer.headers["Cache-Control"] == "no-store"
    policy = dict(one.split(" ", 1) for one in answer.headers["Content-Security-Policy"].split("; "))
    for kind in ("script", "style"):
        text = re.search(rf"<{kind}>(.*?)</{kind}>", page, re.S)[1]
        assert policy[f"{kind}-src"] == f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert policy["img-src"] == policy["connect-src"] == "'self'"
    assert page == (Path(__file__).resolve().parents[2] / "client/alerts/page.html").read_text()
    connection.request("GET", "/display", headers={"Host": f"evil.example:{service.port}"})
    answer = connection.getresponse()
    assert answer.status == 403 and answer.read()
    connection.close()


# -- the page in a real browser ---------------------------------------------------------------------------------------------------


@pytest.fixture(name="page")
def fixture_page(lane, tmp_path):
    """(browser, lane): the page of a lane for which each message is a vehicle, in the window of a patrol car."""
    if not chromium():
        pytest.skip("chromium is not installed: nobody looks at the lane's page")
    service = lane(reads={"vehicle_window_ms": 0})
    with Browser(tmp_path) as browser:
        browser.window(800, 480)
        browser.open(f"{service.url}/display")
        eventually(lambda: "Connected" in browser.run("document.getElementById('state').textContent"))
        yield browser, service


def card(plate):
    return f"[...document.querySelectorAll('article')].find((one) => one.querySelector('h2').textContent === '{plate}')"


CONTRAST = """(() => {
    const light = (color) => {
        const [red, green, blue] = color.match(/[0-9.]+/g).map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const behind = (one) => (getComputedStyle(one).backgroundColor === "rgba(0, 0, 0, 0)" && one.parentElement ? behind(one.parentElement) : getComputedStyle(one).backgroundColor);
    const page = light(getComputedStyle(document.querySelector("header")).backgroundColor);
    return [...document.querySelectorAll("h1, h2, p, button")].filter((one) => one.textContent && one.offsetParent).map((one) => {
        const ground = one.tagName === "BUTTON" ? light(behind(one)) : page, text = light(getComputedStyle(one).color);
        return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
    });
})()"""


def test_the_page_in_a_browser(page, installation):
    browser, service = page
    assert "None at the moment." in browser.run("document.body.innerText")
    longest = "Do not stop alone. " * 13
    for text, plate in ((longest.strip(), "QQ10LNG"), ("\u05d0\u05dc \u05ea\u05e2\u05e6\u05d5\u05e8 100!", "QQ20RTL")):
        name = installation.new_list(grade="plate", instruction=text, category="\u05e8\u05db\u05d1 7")
        installation.push(name, [{"plate": plate, "jurisdiction": "US-TX"}], grade="plate")
    service.post("plain", plain("QQ20RTL", camera="\u05e9\u05e2\u05e8"))
    service.post("plain", plain("QQ10LNG"))
    service.post("plain", plain("QQ3ILRT", PICTURE, jurisdiction=None))
    eventually(lambda: browser.run("document.querySelectorAll('article').length") == 3)
    # what others wrote is text, in its own direction, and what counts is there
    shown = browser.run(card("QQ3ILRT") + ".innerText")
    assert 'Do "not" stop <b>alone</b>' in shown and "VERIFY" in shown and not browser.run("document.querySelectorAll('b').length")
    eventually(lambda: browser.run(card("QQ3ILRT") + ".querySelector('img').naturalWidth") == 64)
    assert browser.run(f"getComputedStyle({card('QQ20RTL')}.querySelector('.instruction')).direction") == "rtl"
    assert longest.strip() in browser.run(card("QQ10LNG") + ".innerText")
    # nothing is wider than the screen, and each alert can be judged without scrolling
    for width, height in ((800, 480), (1280, 800), (360, 640)):
        browser.window(width, height)
        assert browser.run("document.documentElement.scrollWidth") <= width
    browser.window(800, 480)
    for plate in ("QQ3ILRT", "QQ10LNG", "QQ20RTL"):
        browser.run(f"{card(plate)}.scrollIntoView()")
        top, bottom = browser.run(f"(() => {{ const box = {card(plate)}.querySelector('.words').getBoundingClientRect(); return [box.top, box.bottom]; }})()")
        assert 0 <= top and bottom <= 480, plate
    # by day and by night
    for dark in (False, True):
        browser.window(800, 480, dark=dark)
        contrasts = browser.run(CONTRAST)
        assert len(contrasts) > 20 and min(contrasts) >= 4.5
    assert browser.said == []


def test_the_page_by_keyboard(page):
    browser, service = page
    for plate in (LISTED, OTHER):
        service.post("plain", plain(plate, PICTURE))
        eventually(lambda plate=plate: browser.run(f"!!{card(plate)}"))
    focused = "document.activeElement.closest('article')?.querySelector('h2').textContent + ' ' + document.activeElement.textContent"
    for _ in range(20):
        browser.press("Tab")
        if browser.run(focused) == f"{LISTED} Misread":
            break
    assert browser.run(focused) == f"{LISTED} Misread"
    assert browser.run("getComputedStyle(document.activeElement).outlineStyle") != "none"
    top, bar = browser.run("[document.activeElement.getBoundingClientRect().top, document.querySelector('header').getBoundingClientRect().bottom]")
    assert top >= bar  # not below what stays at the top
    browser.press("Enter")
    hit = next(one["hit"] for one in service.get("/alerts")["alerts"] if one["reading"]["plate"] == LISTED)
    eventually(lambda: kept(service, hit)["judgement"] == "misread")
    eventually(lambda: browser.run("document.activeElement.getAttribute('aria-pressed')") == "true")
    service.post("plain", plain(LISTED))  # it comes again, and moves to the top
    eventually(lambda: browser.run("document.querySelector('article h2').textContent") == LISTED)
    assert browser.run(focused) == f"{LISTED} Misread"
    assert browser.said == []


def test_the_page_when_the_lane_is_away(page):
    browser, service = page
    state = "document.getElementById('state').textContent"
    os.kill(service.pid, signal.SIGSTOP)
    try:
        eventually(lambda: "NO CONNECTION" in browser.run(state))
    finally:
        os.kill(service.pid, signal.SIGCONT)
    eventually(lambda: "Connected" in browser.run(state))
    service.post("plain", plain(LISTED))
    eventually(lambda: browser.run("document.title") == "(1) Alerts")
    assert service.stop() == 0
    eventually(lambda: "NO CONNECTION" in browser.run(state))
    assert browser.run("document.title") == "No connection" and browser.run(f"!!{card(LISTED)}")


@pytest.mark.parametrize("display", ["http://10.0.0.1/", "https://127.0.0.1/", "http://a:b@127.0.0.1/", "file:///dev/null"])
def test_a_display_elsewhere_is_refused(installation, tmp_path, display):
    service = installation.lane_service(folder=tmp_path / "lane", alerts={"display": display})
    done = os.waitstatus_to_exitcode(os.system(f"PLATESIEVE_STATE={tmp_path} {service.program} lane --config {service.config} 2>{tmp_path}/said"))
    assert done in (1, 2)
    said = (tmp_path / "said").read_text()
    assert "http:// address on this machine" in said and display not in said
