"""Fixtures: a running installation for each file of tests (with INSTALLATION = {settings} of the file's), and a maker of further ones.

No two files share one: what one lists, another's made-up plates may hit."""
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from enrol import Device  # noqa: E402  pylint: disable=wrong-import-position
import clocks  # noqa: E402  pylint: disable=wrong-import-position
import ground  # noqa: E402  pylint: disable=wrong-import-position
from house import SHARED, House  # noqa: E402  pylint: disable=wrong-import-position

# Small: several run beside each other.  And nobody's power is cut: what was written is there after any kill.
SMALL = {"db.shared_buffers": "32MB", "db.max_wal_size": "256MB", "db.maintenance_work_mem": "32MB", "db.fsync": "off"}

# Of half a minute and more, the longest first: begun last, one of them would keep a single worker busy while the others have nothing to do.
LONG = ("demo", "imports", "import_lines", "javascript", "shares", "shares_faults", "faults", "delta", "rotation", "key_lost", "enrol", "webhooks", "keyd",
        "evidence", "failover", "engines", "client", "suite_voprf", "renewal", "forged", "pictures", "residue", "quota", "retention", "coverage",
        "checks", "wire", "stream", "first_day", "lane_service", "rules", "lanes", "scripts", "local")


def make_house(settings, start=True):
    """SETTINGS as of `deploy/local up --set`; "key_servers" besides."""
    house = House(ground.new_folder(), ground.give_data)
    try:
        house.prepare({}, {**SMALL, **{name: value for name, value in settings.items() if name != "key_servers"}}, settings.get("key_servers"))
        if start:
            house.start()
    except BaseException:
        remove_house(house)
        raise
    return house


def remove_house(house):
    house.forget_connections()
    house.stop(("gate", "keys"))
    house.cluster.stop("immediate")
    house.cluster.remove_socket()
    shutil.rmtree(house.folder, ignore_errors=True)


def interrupted(_number, _frame):
    raise KeyboardInterrupt


def pytest_configure(config):
    signal.signal(signal.SIGTERM, interrupted)  # installations are taken away then, too
    config.addinivalue_line("markers", "slow: takes more than some seconds")


def pytest_collection_modifyitems(items):
    """Workers take file by file in this order."""
    rank = {f"test_{name}.py": number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


def pytest_unconfigure():
    ground.remove()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failing test shows the end of the daemons' logs."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, House):
                for name in value.daemons:
                    log = value.folder / "log" / f"{name}.log"
                    if log.exists():
                        report.sections.append((f"{name}.log", "\n".join(log.read_text(errors="replace").splitlines()[-30:])))


@pytest.fixture(scope="module")
def installation(request):
    """The running installation of this file."""
    house = make_house(getattr(request.module, "INSTALLATION", {}))
    yield house
    remove_house(house)


@pytest.fixture
def new_installation():
    """A maker of installations that live for one test: new_installation({settings}, start=True)."""
    houses = []

    def make(settings=None, start=True):
        houses.append(make_house(settings or {}, start))
        return houses[-1]

    yield make
    for house in houses:
        remove_house(house)


@pytest.fixture
def name(request):
    """A name of the test's own, for a lane that is new."""
    return "reader/south/" + re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:40].strip("-")


@pytest.fixture
def device(installation, tmp_path, name):
    """A machine that wants to be that lane."""
    return Device(installation, tmp_path / "device", name)


@pytest.fixture(scope="session")
def shared():
    """The project's reference data, which lies beside the checkout (or where PLATESIEVE_SHARED says)."""
    if not SHARED.is_dir():
        pytest.skip(f"no reference data at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def shifted(tmp_path_factory):
    """Environment in which a program's clock is off by so many seconds."""
    return clocks.shifter(tmp_path_factory.mktemp("clock"))


@pytest.fixture
def moving_clock(tmp_path_factory):
    """A clock that the test sets while programs with its `environment` run."""
    return clocks.MovingClock(tmp_path_factory.mktemp("moving"))
