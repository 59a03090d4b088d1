"""What the demo's agencies do with their hits: say who may open pictures, share a list, open a picture, give verdicts, look at what a lane never
heard of.  All through `platesieve`, as they would."""
import base64
import hashlib
import json

from process import Failure, wait_until

OWNER, PARTNER = "agency/customs/ana", "agency/marshals/ben"
LIST, COVERT = "stolen", "observed"
TRACES = (b"GPS", b"tEXt", b"31 45 29 N")


class Agencies:
    def __init__(self, client, installation):
        """CLIENT runs `platesieve` to its end."""
        self.client, self.installation = client, installation
        self.figures = {}

    def ask(self, *argv):
        """The JSON objects that a command prints."""
        return [json.loads(line) for line in self.client(*argv, "--json").stdout.splitlines()]

    def hits(self, who, *argv):
        return [one for one in self.ask("hits", "--as", who, "--all", *argv) if "hit" in one]

    def prepare(self):
        """Before the reads: pictures of the list's hits are for both agencies, hits for the partner once they are confirmed."""
        for agency in ("customs", "marshals"):
            if not (self.installation.pki / f"evidence/{agency}.1.pem").exists():
                raise Failure(f"there is no evidence certificate of {agency}")
        certificates = [word for agency in ("customs", "marshals") for word in ("--cert", self.installation.pki / f"evidence/{agency}.1.pem")]
        self.client("list", "recipients", "--as", OWNER, LIST, *certificates, "--share-with", "marshals")
        self.client("list", "share", "--as", OWNER, LIST, "--with", "marshals", "--days", "7", "--only-confirmed", "--note", "the demo's")

    def look(self, pictures):
        """After the reads.  PICTURES: the folder that the lanes took them from.  Fills `figures`."""
        hits = self.hits(OWNER, "--list", LIST)
        kept = [one for one in hits if one["evidence"]]
        said = [one["lane_says"]["judgement"] for one in hits if one["lane_says"]]
        if len(kept) < 2:
            return
        strongest = ("full", "plate", "similar", "near")
        right, wrong = min(kept, key=lambda one: strongest.index(one["grade"])), max(kept, key=lambda one: strongest.index(one["grade"]))
        wrong = wrong if wrong is not right else next(one for one in kept if one is not right)
        self.figures = {"pictures": len(kept), "opened": self.opened(right["hit"], OWNER, pictures),
                        "shared_before": len(self.hits(PARTNER, "--list", LIST)),
                        "covert_hits": len(self.hits(OWNER, "--list", COVERT)), "lane_says": said}
        self.client("hits", "verdict", "--as", OWNER, right["hit"], "confirmed", "--action", "recovered")
        self.client("hits", "verdict", "--as", OWNER, wrong["hit"], "misread")
        shared = [one for one in self.hits(PARTNER) if one.get("shared_by") == "customs"]
        self.figures["shared_after"] = len(shared)
        if [one["hit"] for one in shared] != [right["hit"]]:
            raise Failure("the partner does not see the confirmed hit, and that one alone")
        self.figures["opened_by_partner"] = self.opened(right["hit"], PARTNER, pictures)
        if self.left_of(wrong["hit"]):
            raise Failure("of the misread there is more left than a count")

    def opened(self, hit, who, pictures):
        """Opens the picture of HIT; says how large it is, and that it is one that the lane had, without what the camera wrote beside it."""
        file = self.installation.folder / "client" / f"opened-by-{who.split('/')[1]}.png"
        self.client("hits", "evidence", "--as", who, hit, "-o", file)
        opened = file.read_bytes()
        if not opened.startswith(b"\x89PNG") or any(trace in opened for trace in TRACES):
            raise Failure("the picture that was opened is not what it should be")
        if not any(all(trace in one.read_bytes() for trace in TRACES) for one in pictures.iterdir()):
            raise Failure("the cameras' pictures did not say where they were taken: nothing was shown")
        return {"file": str(file), "bytes": len(opened), "sha256": hashlib.sha256(opened).hexdigest()}

    def left_of(self, hit):
        """What the agency still sees of a misread, and which rows still say something: details and pictures."""
        told = next((one for one in self.hits(OWNER, "--list", LIST) if one["hit"] == hit), {})
        raw = base64.urlsafe_b64decode(hit + "==").hex()
        pictures = int(self.installation.cluster.psql(f"SELECT count(*) FROM platesieve.evidence WHERE hit = '{raw}'::uuid")[0][0])
        return [name for name in ("site", "lane", "seen_at", "reference", "grade", "confidence") if told.get(name)] + ["picture"] * pictures

    def sealed_everywhere(self, pictures):
        """Waits until the pictures of the reads have arrived; returns how many lie in the database, and fails when one lies there readable."""
        query = "SELECT count(*), count(*) FILTER (WHERE position('\\x89504e47'::bytea in cms) > 0) FROM platesieve.evidence"
        if not wait_until(lambda: int(self.installation.cluster.psql(query)[0][0]) >= pictures, 20, 0.1):
            raise Failure("pictures that lanes said were stored are not in the database")
        count, readable = (int(value) for value in self.installation.cluster.psql(query)[0])
        if readable:
            raise Failure(f"{readable} pictures lie readable in the database")
        return count

    def tell(self, say):
        figures = self.figures
        if not figures:
            return
        say("")
        say("  What the agencies do with their hits")
        say(f"    pictures             {figures['pictures']:>9}  hits of customs/{LIST} have one; in the gate and its database they are sealed")
        say(f"    opened               {figures['opened']['bytes']:>9}  bytes, by customs and by marshals, each with a key of their own; what the camera wrote beside it is gone")
        say(f"    the lane's word      {len(figures['lane_says']):>9}  hit: the officer there takes it for {', '.join(figures['lane_says']) or 'nothing'}; a word, and no verdict")
        say(f"    confirmed            {1:>9}  hit; before that marshals saw {figures['shared_before']} of the hits shared with them, now {figures['shared_after']}")
        say(f"    misread              {1:>9}  hit: where, when and what is erased, its picture too; a count is left")
        say(f"    covert               {figures['covert_hits']:>9}  hits on customs/{COVERT}: the lanes were told clear, marshals see none")
