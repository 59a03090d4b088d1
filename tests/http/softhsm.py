"""Tokens of SoftHSM in a folder, and keys on them: made with softhsm2-util and pkcs11-tool, as an operator would."""
import os
import subprocess
from pathlib import Path

MODULE = "/usr/lib/softhsm/libsofthsm2.so"


class SoftHsm:
    """What lies in FOLDER; the environment variable SOFTHSM2_CONF, which the module reads, is the caller's to set to `.conf`."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.tokens = self.folder / "tokens"
        self.tokens.mkdir(mode=0o700)
        self.conf = self.folder / "softhsm2.conf"
        self.conf.write_text(f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")

    def run(self, *argv):
        done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
                              env={**os.environ, "SOFTHSM2_CONF": str(self.conf)})
        assert done.returncode == 0, (argv, done.stdout, done.stderr)
        return done.stdout

    def token(self, label, pin):
        self.run("softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "so-" + pin, "--pin", pin)

    def tool(self, token, pin, *words):
        return self.run("pkcs11-tool", "--module", MODULE, "--token-label", token, "--login", "--pin", pin, *words)

    def key(self, token, pin, label, *options, kind="GENERIC:32", identity="01"):
        """As docs/operations.md says, unless other OPTIONS are given."""
        self.tool(token, pin, "--keygen", "--key-type", kind, *(options or ("--sensitive", "--usage-sign")), "--label", label, "--id", identity)

    def keys(self, token, pin):
        """Labels of all secret keys."""
        return [line.split(":", 1)[1].strip() for line in self.tool(token, pin, "--list-objects", "--type", "secrkey").splitlines() if "label:" in line]


def uri(token, label, pin_file, module=MODULE, more=""):
    return f"pkcs11:token={token};object={label}{more}?pin-source=file:{pin_file}" + (f"&module-path={module}" if module else "")
