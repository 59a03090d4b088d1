"""What happens to key servers during a demo: one is killed and comes back, then another is corrupted; never two at a time."""
import shutil
import threading

from process import wait_until

# When, in parts of the time over which reads come.
KILLED, BACK, CORRUPTED = 0.2, 0.45, 0.65


class Trouble(threading.Thread):
    """Runs beside the lanes, which begin now; SAY is told what is done.  `failure` is what went wrong, or None."""

    def __init__(self, installation, seconds, say):
        super().__init__()
        self.installation, self.seconds, self.say = installation, seconds, say
        self.over, self.failure, self.done = threading.Event(), None, []

    def run(self):
        try:
            for part, act in ((KILLED, self.kill), (BACK, self.start_again), (CORRUPTED, self.corrupt)):
                last = self.done[-1][0] if self.done else 0.0
                self.over.wait((part - last) * self.seconds)
                act()
                self.done.append((part, act.__name__))
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def end(self):
        """All that was to happen has happened, at the latest now."""
        self.over.set()
        self.join()
        if self.failure:
            raise self.failure

    def kill(self):
        self.installation.kill("keys-2")
        self.say("key server 2 is killed")
        self.gate_says("keys-2", "is away", lambda server: not server["up"])

    def start_again(self):
        self.installation.start(("keys-2",))
        self.say("key server 2 is back")

    def corrupt(self):
        """It gets the seeds of another ceremony in place of its own: all that it says is right in form, under a key that nobody knows."""
        installation, dealt = self.installation, self.installation.folder / "secrets/other"
        installation.run("platesieve", "keys", "ceremony", dealt)
        installation.stop(("keys-3",))
        for file in (installation.folder / "keys-3").glob("*.key"):
            file.unlink()
        installation.run("platesieve-keyd", "share", dealt / "keys-3.share", "--config", installation.folder / "etc/keys-3.conf")
        shutil.rmtree(dealt)
        installation.start(("keys-3",))
        self.say("key server 3 is corrupted: it has other seeds")
        self.gate_says("keys-3", "is at fault: its share is wrong", lambda server: server["fault"] == "share")

    def gate_says(self, name, words, condition):
        """Waits a while for the gate to notice."""
        url = self.installation.url_of(name)
        if wait_until(lambda: any(condition(one) for one in self.installation.auditor_status()["key_servers"] if one["url"] == url), 10, 0.1):
            self.say(f"the gate says: {name} {words}")
