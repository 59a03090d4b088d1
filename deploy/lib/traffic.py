"""Made-up traffic for the demo: plates that no state issues (QQ and a pattern of its own), the lists that ask for some of them, and
what readers of a few lanes make of them: misreads, unread states, and rows that are no plates at all.  The same seed gives the same."""
import dataclasses
import random

STATES = ("US-TX", "US-TX", "US-TX", "US-TX", "US-NM", "US-AZ", "US-CA", "MX-CHH", "MX-CHH", "MX-SON")
LANES = ("reader/north/1", "reader/north/2", "reader/south/1")
CONFUSED = {"0": "OQD", "O": "0QD", "1": "IL", "2": "Z", "5": "S", "8": "B", "6": "G", "Z": "2", "S": "5", "B": "8", "G": "6", "I": "1", "L": "1"}
LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
FLEET = 2400
# No plates, as readers and spreadsheets make them: nothing, a vehicle identification number, lettering.
RUBBISH = ("", "1QQFAKE00VIN00017", "***")


@dataclasses.dataclass
class HotList:
    owner: str            # the identity that pushes it
    name: str
    options: list         # of `platesieve list create`
    entries: list         # (plate, jurisdiction, reference)
    covert: bool = False

    @property
    def full_name(self):
        return f"{self.owner.split('/')[1]}/{self.name}"


@dataclasses.dataclass
class Read:
    lane: str
    plate: str
    jurisdiction: str
    vehicle: str = ""  # the plate that is on it, whatever was read


def fleet(source):
    """Distinct vehicles, as (plate, jurisdiction)."""
    plates = {}
    while len(plates) < FLEET:
        plate = f"QQ{source.randrange(100):02d}{source.choice(LETTERS)}{source.choice(LETTERS)}{source.randrange(10)}"
        plates.setdefault(plate, source.choice(STATES))
    return list(plates.items())


def hot_lists(vehicles):
    """Three lists of two agencies over the first vehicles of the fleet."""
    def entries(first, count, prefix):
        return [(plate, jurisdiction, f"{prefix}-{number:04d}") for number, (plate, jurisdiction) in
                enumerate(vehicles[first:first + count], 1)]
    return [
        HotList("agency/customs/ana", "stolen", ["--category", "stolen", "--grade", "similar", "--priority", "60", "--instruction",
                                                 "Check the papers; call the desk."], entries(0, 60, "S")),
        HotList("agency/marshals/ben", "abduction", ["--category", "abduction", "--grade", "near", "--ends", "30d", "--priority", "95", "--instruction",
                                                     "Do not stop alone; call at once."], entries(60, 6, "A")),
        HotList("agency/customs/ana", "observed", ["--category", "observed", "--grade", "plate", "--covert", "--ends", "60d"], entries(66, 20, "O"), covert=True),
    ]


def misread(plate, source):
    """PLATE as a camera might read it."""
    chance = source.random()
    if chance < 0.10:
        places = [place for place, char in enumerate(plate) if char in CONFUSED]
        if places:
            place = source.choice(places)
            return plate[:place] + source.choice(CONFUSED[plate[place]]) + plate[place + 1:]
    if chance < 0.13:
        place = source.randrange(2, len(plate))
        return plate[:place] + source.choice(("", source.choice(LETTERS))) + plate[place + 1:]
    return plate


def make(count, seed=2019):
    """(lists, reads): COUNT reads in the order of their arrival, some rows of rubbish among them on top."""
    source = random.Random(seed)
    vehicles = fleet(source)
    lists = hot_lists(vehicles)
    listed = sum(len(one.entries) for one in lists)
    reads = []
    for _ in range(count):
        wanted = source.random() < 0.015
        plate, jurisdiction = vehicles[source.randrange(listed) if wanted else source.randrange(listed, FLEET)]
        reads.append(Read(source.choice(LANES), misread(plate, source), jurisdiction if source.random() > 0.12 else "", plate))
    for place, plate in zip((count // 4, count // 2, 3 * count // 4), RUBBISH):
        reads.insert(place, Read(LANES[0], plate, "US-TX"))
    return lists, reads
