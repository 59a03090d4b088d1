"""The lane's page for alerts: its script in as much of a browser as it uses (Node), and what it is made of."""
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
PAGE = (TOP / "client/alerts/page.html").read_text()
SCRIPT = re.search(r"<script>(.*?)</script>", PAGE, re.S)[1]
HIT = "AAAAAAAAAAAAAAAAAAAAA1"


def alert(hit=HIT, **fields):
    told = {"hit": hit, "read_id": "R" * 22, "number": 7, "times": 1, "raised_at": "2026-01-01T00:00:00.000Z", "seen_at": "2026-01-01T00:00:00.000Z",
            "agency": "customs", "list": "stolen", "category": "stolen vehicle", "instruction": "Stop it", "grade": "similar", "priority": 20, "candidate": 1,
            "revision": 3, "age_s": 93600, "epoch": "20260101T000000Z", "old": False, "verify": True, "words": "similar, list 26 h old: VERIFY",
            "reading": {"confidence": 0.934, "plate": "QQ00QQ0", "best": "QQ0OQQ0", "jurisdiction": None, "camera": "north", "engine": "plain"},
            "acknowledged_at": None, "judgement": None, "judged_at": None, "told": None, "image": None}
    return {**told, **fields}


def told(*alerts, kept=None, number=10):
    return {"status": 200, "json": {"alerts": list(alerts), "kept": kept or [one["hit"] for one in alerts], "next": number}}


def texts(element):
    """Without the marks that keep the directions of scripts apart."""
    return [re.sub("[\u2068\u2069]", "", element["text"])] * bool(element["text"]) + [text for child in element["children"] for text in texts(child)]


def elements(element, tag):
    return [element] * (element["tag"] == tag) + [one for child in element["children"] for one in elements(child, tag)]


@pytest.fixture(name="browse")
def fixture_browse(tmp_path):
    """browse(lines): what the page showed at each {"print": true}."""
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    (tmp_path / "script.js").write_text(SCRIPT)

    def browse(*lines):
        done = subprocess.run(["node", str(TOP / "tests/http/browser.mjs"), str(tmp_path / "script.js")], text=True, capture_output=True, timeout=60,
                              input="".join(json.dumps(line) + "\n" for line in lines), check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return [json.loads(line) for line in done.stdout.splitlines()]
    return browse


def test_an_alert_is_shown_as_what_it_is(browse):
    pictured = alert(image={"type": "image/jpeg", "path": f"/alerts/{HIT}/image"}, old=True)
    page, later = browse(told(alert()), {"print": True}, {"look": True}, told(pictured, number=11), {"print": True})
    shown = texts(page["page"]["alerts"])
    assert {"QQ00QQ0", "similar, list 26 h old: VERIFY", "Stop it", "stolen vehicle, priority 20", "customs/stolen, revision 3", "No picture"} <= set(shown)
    assert "The camera's first reading was QQ0OQQ0." in shown
    assert any("jurisdiction not read" in text and "north" in text and "93 %" in text for text in shown)
    assert any(one["class"] == "match verify" for one in elements(page["page"]["alerts"], "p"))
    assert page["title"] == "(1) Alerts" and "not acknowledged" in page["page"]["state"]["text"]
    assert any("VERIFY" in text and "Stop it" in text for text in texts(page["page"]["spoken"]))
    assert page["requests"] == [{"path": "/alerts?after=0", "method": "GET", "body": None}]
    assert later["requests"][0]["path"] == "/alerts?after=10"
    image, = elements(later["page"]["alerts"], "img")
    assert image["src"] == f"/alerts/{HIT}/image?read={'R' * 22}" and "QQ00QQ0" in image["alt"]
    assert any("past its age limit" in text for text in texts(later["page"]["alerts"]))
    assert len(texts(later["page"]["spoken"])) == 1  # the picture alone is no news


def test_what_is_not_there_any_more_is_marked(browse):
    late = alert(grade="full", verify=False, late=True, seen_ago_s=32400, words="SEEN 9 h AGO; plate and jurisdiction, list 90 s old")
    page, = browse(told(late), {"print": True})
    marked = [one["text"] for one in elements(page["page"]["alerts"], "p") if one["class"] == "match verify"]
    assert marked == ["SEEN 9 h AGO; plate and jurisdiction, list 90 s old"]
    assert any("SEEN 9 h AGO" in text for text in texts(page["page"]["spoken"]))
    assert any(re.search(r"seen at .*2026", text) for text in texts(page["page"]["alerts"]))  # another day is told with its date


def test_what_others_wrote_is_text(browse):
    bad = "<img src=x onerror=alert(1)>"
    hostile = alert(category=bad, instruction=bad, words=bad, agency=bad, list=bad,
                    reading={"confidence": 1, "plate": bad, "best": bad, "jurisdiction": bad, "camera": bad, "engine": bad})
    page, = browse(told(hostile), {"print": True})
    assert not elements(page["page"]["alerts"], "img")
    assert texts(page["page"]["alerts"]).count(bad) >= 3


def test_words_go_to_the_lane_and_come_back(browse):
    done = alert(judgement="misread", judged_at="2026-01-01T00:00:01.000Z", told="done", number=11)
    first, away, after = browse(told(alert()), {"press": ["QQ00QQ0", "Misread"]}, {"status": 200, "json": {}}, told(done, number=11), {"print": True},
                                {"press": ["QQ00QQ0", "Confirmed"]}, None, {"print": True},
                                {"press": ["QQ00QQ0", "Acknowledge"]}, {"status": 200, "json": {}}, told(kept=[HIT], number=11), {"print": True})
    assert first["requests"][1] == {"path": f"/alerts/{HIT}/judgement", "method": "POST", "body": '{"judgement":"misread"}'}
    pressed = {one["text"]: one["attributes"].get("aria-pressed") for one in elements(first["page"]["alerts"], "button")}
    assert pressed == {"Acknowledge": "false", "Confirmed": "false", "Misread": "true", "Wrong jurisdiction": "false", "Stale entry": "false"}
    assert any(text.startswith("Misread, said at") and text.endswith("the gate was told") for text in texts(first["page"]["alerts"]))
    assert first["title"] == "Alerts"
    assert any("did not reach the lane" in text for text in texts(away["page"]["alerts"]))
    assert not any("did not reach the lane" in text for text in texts(after["page"]["alerts"]))


def test_a_click_is_for_what_was_seen(browse):
    """An alert that comes as a finger goes down has pushed the others away from under it."""
    at_once, later = browse(told(alert()), {"click": ["QQ00QQ0", "Misread"]}, {"print": True},
                            {"clock": 1e12 + 5000}, {"press": ["QQ00QQ0", "Misread"]}, {"status": 200, "json": {}}, told(kept=[HIT], number=11), {"print": True})
    assert len(at_once["requests"]) == 1 and any("press again" in text for text in texts(at_once["page"]["alerts"]))
    assert later["requests"][0]["body"] == '{"judgement":"misread"}' and not any("press again" in text for text in texts(later["page"]["alerts"]))


def test_another_lane_whose_numbers_are_less(browse):
    """Its clock was set back, and it was started anew."""
    page, = browse(told(alert(), number=1000), {"look": True}, told(kept=["x"], number=20), {"look": True}, told(alert(number=30), number=30), {"print": True})
    assert [one["path"] for one in page["requests"]] == ["/alerts?after=0", "/alerts?after=1000", "/alerts?after=0"]
    assert len(page["page"]["alerts"]["children"]) == 1


def test_a_lane_that_is_away_is_told(browse):
    away, back, gone = browse(None, {"print": True}, {"look": True}, told(alert()), {"print": True}, {"look": True}, told(kept=["x"], number=12), {"print": True})
    assert "NO CONNECTION" in away["page"]["state"]["text"] and away["title"] == "No connection"
    assert away["page"]["none"]["hidden"] and back["page"]["none"]["hidden"] and not gone["page"]["none"]["hidden"]  # nobody knows whether there are none
    assert "Connected" in back["page"]["state"]["text"] and len(back["page"]["alerts"]["children"]) == 1
    assert not gone["page"]["alerts"]["children"]  # it is not kept any more


def test_it_brings_nothing_from_elsewhere():
    assert len(re.findall("<script", PAGE)) == 1 and len(re.findall("<style", PAGE)) == 1
    assert not re.search(r"""\b(src|href|action|style|on\w+)\s*=\s*["']""", PAGE.replace(SCRIPT, ""))
    assert not re.search(r"https?://|//[a-z]+\.|@import|url\(|innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(", PAGE)
    for need in ('lang="en"', "aria-live", 'role="status"', "<title>", "focus-visible"):
        assert need in PAGE
