"""Made-up traffic for the demo: plates that no state issues (QQ and a pattern of its own), the lists that ask for some of them, and what the cameras
of a few lanes say of the vehicles that pass: several spellings, several messages, misreads, unread states, and what is no plate at all.  The same seed
gives the same."""
import collections
import dataclasses
import random

STATES = ("US-TX", "US-TX", "US-TX", "US-TX", "US-NM", "US-AZ", "US-CA", "MX-CHH", "MX-CHH", "MX-SON")
# Which engines speak to which lane, each through some cameras.
LANES = {"reader/north/1": ("rekor", "platerecognizer", "plain"), "reader/north/2": ("frigate", "axis", "genetec"), "reader/south/1": ("hikvision", "verkada")}
CAMERAS = [(lane, engine, camera) for lane, engines in LANES.items() for engine in engines for camera in range(4)]
CONFUSED = {"0": "OQD", "O": "0QD", "1": "IL", "2": "Z", "5": "S", "8": "B", "6": "G", "Z": "2", "S": "5", "B": "8", "G": "6", "I": "1", "L": "1"}
LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
FLEET = 2400
# No plates, as readers and spreadsheets make them: nothing, a vehicle identification number, lettering.
RUBBISH = ("", "1QQFAKE00VIN00017", "***")
SPELLINGS = {"rekor": 3, "platerecognizer": 2, "plain": 2}  # that an engine tells at once; others tell one
MESSAGES = {"rekor": 2, "plain": 2, "frigate": 3, "axis": 3}  # of one vehicle; others send one
NO_STATE = ("frigate", "hikvision")                       # they do not say it
NO_PICTURE = ("frigate", "verkada")
LOOK_BACK = 150  # vehicles of one camera, of which none is taken for another


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
class Passage:
    """One vehicle before one camera."""
    number: int
    lane: str
    engine: str
    camera: int
    jurisdiction: str  # as the engine says it; "": it does not
    looks: list        # a message each: [(spelling, confidence)], the best first
    plate: str = ""    # that is on it, whatever was read

    @property
    def pictured(self):
        return self.engine not in NO_PICTURE


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


def misread(plate, source, always=False):
    """PLATE as a camera might read it."""
    chance = source.random() * (0.13 if always else 1)
    if chance < 0.10:
        places = [place for place, char in enumerate(plate) if char in CONFUSED]
        if places:
            place = source.choice(places)
            return plate[:place] + source.choice(CONFUSED[plate[place]]) + plate[place + 1:]
    if chance < 0.13:
        place = source.randrange(2, len(plate))
        return plate[:place] + source.choice(("", source.choice(LETTERS))) + plate[place + 1:]
    return plate


def looks_at(plate, engine, source):
    """What the messages of one vehicle say.  A later one repeats what was said, or knows better."""
    looks = []
    for number in range(MESSAGES.get(engine, 1)):
        best = misread(plate, source) if number == 0 else looks[-1][0][0]
        if number > 0 and best != plate and source.random() < 0.6:
            best = plate
        texts = [best]
        while len(texts) < SPELLINGS.get(engine, 1):
            other = misread(plate, source, always=True) if best == plate or source.random() < 0.5 else plate
            texts += [other] if other not in texts else []
        if number > 0 and source.random() < 0.7 and best == looks[-1][0][0]:
            looks.append(looks[-1])
            continue
        confidences = sorted((source.uniform(0.55, 0.98) for _ in texts), reverse=True)
        looks.append([(text, round(confidence, 3)) for text, confidence in zip(texts, confidences)])
    return looks


def kin(looks):
    """What two vehicles share when any spelling of one is an edit away from any of the other: folded, with one character left out."""
    texts = {text.translate(str.maketrans("QODILZSBG", "000112586")) for look in looks for text, _ in look}
    return texts | {text[:place] + text[place + 1:] for text in texts for place in range(len(text))}


def place(plate, recent, source):
    """A camera that has seen nothing like this vehicle for a while, and what it says of it: (lane, engine, camera, looks)."""
    for lane, engine, camera in source.sample(CAMERAS, len(CAMERAS)):
        looks = looks_at(plate, engine, source)
        own = kin(looks)
        if not any(own & other for other in recent[engine, camera]):
            break
    recent[engine, camera].append(own)
    return lane, engine, camera, looks


def make(count, seed=2050):
    """(lists, passages): COUNT vehicles in the order of their passing, and some rubbish among them on top."""
    source = random.Random(seed)
    vehicles = fleet(source)
    lists = hot_lists(vehicles)
    listed = sum(len(one.entries) for one in lists)
    recent, passages = collections.defaultdict(lambda: collections.deque(maxlen=LOOK_BACK)), []
    for _ in range(count):
        wanted = source.random() < 0.025
        plate, jurisdiction = vehicles[source.randrange(listed) if wanted else source.randrange(listed, FLEET)]
        lane, engine, camera, looks = place(plate, recent, source)
        said = jurisdiction if source.random() > 0.12 and engine not in NO_STATE else ""
        passages.append(Passage(0, lane, engine, camera, said, looks, plate))
    for position, text in zip((count // 4, count // 2, 3 * count // 4), RUBBISH):
        passages.insert(position, Passage(0, "reader/north/1", "plain", 0, "US-TX", [[(text, 0.9)]]))
    for number, one in enumerate(passages):
        one.number = number
    return lists, passages
