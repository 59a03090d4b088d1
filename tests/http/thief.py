"""What a thief has: copies of files, and the patience to look for everything in them.

`Secrets` knows what there is to steal in a small installation, each thing in all its spellings; `found` says which of it some folders
hold.  It unseals files with the keys of the installation, so that it knows secrets that never leave a daemon."""
import ctypes
import hmac
from pathlib import Path

import plates
import ristretto


def unseal(folder, name, key_file, purpose):
    """What a sealed file holds: XChaCha20-Poly1305 under the 32 bytes of KEY_FILE, its purpose authenticated; None: another key."""
    sodium = ctypes.CDLL("libsodium.so.23")
    sealed, purpose = (Path(folder) / name).read_bytes(), purpose.encode()
    plain = ctypes.create_string_buffer(len(sealed) - 40)
    failed = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
        plain, None, None, sealed[24:], ctypes.c_ulonglong(len(sealed) - 24), purpose, ctypes.c_ulonglong(len(purpose)), sealed[:24],
        Path(key_file).read_bytes())
    return None if failed else plain.raw


def seed_of(house, epoch):
    """An epoch's seed, from the key server's disk with its master key."""
    name = f"{epoch['number']:010d}-{epoch['id']}.key"
    return unseal(house.folder / "keys", name, house.folder / "secrets/keys-master.key", f"platesieve/1/epoch {name}")[-32:]


def secret_of(house, epoch):
    """An epoch's secret scalar."""
    return ristretto.derive(seed_of(house, epoch), b"platesieve/1/epoch-key\0" + epoch["id"].encode())


def pepper_of(house, epoch):
    """An epoch's pepper, from the gate's disk with its state key."""
    state = unseal(house.folder / "gate", "gate.sealed", house.folder / "secrets/gate-state.key", "platesieve/1/gate-state")
    number, at = int.from_bytes(state[2:10], "big"), state[10:42]
    for _ in range(epoch["number"] - number):
        at = hmac.digest(at, b"platesieve/1/ratchet", "sha256")
    return hmac.digest(at, b"platesieve/1/pepper", "sha256")


def prf(secret, message):
    """What the suite makes of MESSAGE, by who holds the key; RFC 9497, 3.3.1, Evaluate."""
    return ristretto.finalize(message, 1, ristretto.encode(ristretto.multiply(secret, ristretto.hash_to_group(message))))


def slot(pepper, epoch, token):
    return hmac.digest(pepper, epoch["id"].encode() + b"\0" + token, "sha256")[:16]


def spellings(raw):
    """Bytes as they may stand in a file: raw, in base64url, in hexadecimal, as a uuid of PostgreSQL's text."""
    made = [raw, plates.text64(raw).encode(), raw.hex().encode(), raw.hex().upper().encode()]
    if len(raw) == 16:
        text = raw.hex()
        made.append("-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])).encode())
    return made


class Secrets:
    """{label: [spellings]} of what is worth stealing; labels that come several times are one thing."""

    def __init__(self):
        self.patterns = {}

    def add(self, label, *values):
        for value in values:
            self.patterns.setdefault(label, []).extend([value.encode()] if isinstance(value, str) else spellings(value))

    def add_plate(self, label, plate, jurisdiction, house, epochs):
        """PLATE in clear and folded, and its tokens, proof keys and slots under EPOCHS."""
        self.add(f"{label} in clear", plates.canonical(plate), plates.folded(plates.canonical(plate)))
        for epoch in epochs:
            secret, pepper = secret_of(house, epoch), pepper_of(house, epoch)
            for grade, pair in (("full", (jurisdiction, plates.canonical(plate))), ("plate", ("", plates.canonical(plate)))):
                out = prf(secret, plates.message(grade, *pair))
                self.add(f"{label}'s tokens", out[:16])
                self.add(f"{label}'s proof keys", out[16:32], out[16:])
                self.add(f"{label}'s slots", slot(pepper, epoch, out[:16]))

    def found(self, *places):
        """The labels of what lies in the files of PLACES (files, folders with all below, or bytes)."""
        seen = set()
        for data in contents(places):
            for label, patterns in self.patterns.items():
                if label not in seen and any(pattern in data for pattern in patterns):
                    seen.add(label)
        return seen


def contents(places):
    for place in places:
        if isinstance(place, bytes):
            yield place
        elif Path(place).is_file():
            yield Path(place).read_bytes()
        else:
            files = [path for path in Path(place).rglob("*") if path.is_file() and not path.is_symlink()]
            assert files, f"{place} holds nothing: the search would be no test"
            for path in files:
                yield path.read_bytes()
