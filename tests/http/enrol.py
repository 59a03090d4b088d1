"""A device that comes to its certificate, as tests play it: by the program, and by hand with `cryptography` alone."""
import hashlib
import hmac
import os
import subprocess
import time
from pathlib import Path

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from house import eventually
from plates import bytes64, text64

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DOMAIN = "platesieve.local"


def code_bytes(text):
    """The 128 bits of a printed code, without looking at its check."""
    number = 0
    for symbol in text.replace("-", "")[:26]:
        number = number << 5 | ALPHABET.index(symbol)
    return number.to_bytes(16, "big")


def mac(code, csr):
    return hmac.new(code, b"platesieve/1/enrol\0" + csr, hashlib.sha256).digest()


def make_csr(name, key=None, domain=DOMAIN, names=None):
    """(DER, key)"""
    key = key or ec.generate_private_key(ec.SECP256R1())
    names = names if names is not None else [x509.UniformResourceIdentifier(f"spiffe://{domain}/{name}")]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER), key


def ask(house, method, path, **options):
    """One request as a stranger; the gate ends the connection with its answer.  Tests together come too often: then again."""
    deadline = time.monotonic() + 10
    while True:
        try:
            with requests.Session() as session:
                session.trust_env, session.verify = False, str(house.ca)
                return session.request(method, house.url(path), timeout=10, **options)
        except requests.ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def leave(house, csr, tag):
    """POST /v1/enrolments as a stranger; the answer."""
    return ask(house, "POST", "/v1/enrolments", json={"csr": text64(csr), "mac": text64(tag)})


def state_of(house, name):
    """GET /v1/enrolments/NAME as a stranger; the parsed answer."""
    answer = ask(house, "GET", f"/v1/enrolments/{name}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def waiting(house, identity="node/ca"):
    answer = house.get("/v1/enrolments", identity)
    assert answer.status_code == 200, answer.text
    return answer.json()["enrolments"]


def code_for(house, name, *argv):
    return house.platesieve("ca", "code", name, *argv).stdout.strip()


class Device:
    """A machine of its own: a folder with the authority's certificate and nothing else."""

    def __init__(self, house, folder, name="reader/north/7", gates=None):
        self.house, self.folder, self.name = house, Path(folder), name
        self.gates = gates or house.gate_url
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca = self.folder / "ca.pem"
        self.ca.write_bytes(house.ca.read_bytes())
        self.pki = self.folder / "pki"
        role, rest = name.split("/", 1)
        self.base = self.pki / role / rest.replace("/", ".")

    @property
    def files(self):
        return f"{self.base}.pem", f"{self.base}.key"

    def argv(self, *more):
        return [str(self.house.programs / "platesieve"), "enrol", self.name, "--gate", self.gates, "--ca", str(self.ca),
                "--pki", str(self.pki), *(str(word) for word in more)]

    def environment(self, **more):
        return {**{key: value for key, value in os.environ.items() if not key.startswith("PLATESIEVE_")}, **more}

    def start(self, code=None, *more, env=None):
        """Begins to enrol; a Popen."""
        child = subprocess.Popen(self.argv(*more), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 env=self.environment(**(env or {})))
        if code is not None:
            child.stdin.write(code + "\n")
            child.stdin.flush()
        return child

    def run(self, code, *more, exit_code=0, env=None, timeout=60):
        done = subprocess.run(self.argv(*more), input=None if code is None else code + "\n", capture_output=True, text=True, timeout=timeout,
                              env=self.environment(**(env or {})), check=False, **({"stdin": subprocess.DEVNULL} if code is None else {}))
        assert exit_code is None or done.returncode == exit_code, (done.returncode, done.stdout, done.stderr)
        return done

    def lane(self, plate, *more):
        """Reads PLATE as the lane that this is."""
        argv = [str(self.house.programs / "platesieve"), "lane", "--gate", self.gates, "--keys", self.house.keys_url, "--pki", str(self.pki),
                "--patience", "0", *more]
        return subprocess.run(argv, input=f"plate,jurisdiction\n{plate},NL\n", capture_output=True, text=True, check=False, timeout=60,
                              env=self.environment())

    def is_admitted(self):
        """A gate speaks with it."""
        with requests.Session() as session:
            session.trust_env, session.verify, session.cert = False, str(self.house.ca), self.files
            return session.get(self.house.url("/livez"), timeout=10).status_code == 200

    def certificate(self):
        return x509.load_pem_x509_certificate(Path(self.files[0]).read_bytes())

    def public_key(self):
        return self.certificate().public_key().public_numbers()

    def holds_a_pair(self):
        key = serialization.load_pem_private_key(Path(self.files[1]).read_bytes(), None)
        return key.public_key().public_numbers() == self.public_key()


def end(child, code=0, seconds=30):
    """(stdout, stderr) of a child that leaves with CODE."""
    out, err = child.communicate(timeout=seconds)
    assert code is None or child.returncode == code, (child.returncode, out, err)
    return out, err


class Serving:
    """`platesieve ca serve` on the authority's machine, for the time of a with."""

    def __init__(self, house, *argv, gates=None):
        self.house, self.argv, self.gates = house, argv, gates or house.gate_url
        self.child, self.log = None, house.folder / "log/ca-serve.log"

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen([str(self.house.programs / "platesieve"), "ca", "serve", "--every", "1", "--pki", str(self.house.pki),
                                           "--gate", self.gates, *self.argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env={**os.environ, **self.house.environment()})
        return self

    def __exit__(self, *_):
        self.child.terminate()
        assert self.child.wait(20) == 0, self.text()

    def text(self):
        return self.log.read_text()

    def said(self, what, seconds=10):
        deadline = time.monotonic() + seconds
        while what not in self.text():
            assert time.monotonic() < deadline, (what, self.text())
            assert self.child.poll() is None, self.text()
            time.sleep(0.05)


def issued(answer):
    """The certificate of a signed request, parsed."""
    return x509.load_der_x509_certificate(bytes64(answer["certificate"]))


def approve(house, *names, code=0):
    return house.platesieve("ca", "approve", *names, code=code)


def wait_for_requests(house, count=1):
    return eventually(lambda: (lambda found: found if len(found) >= count else None)(waiting(house)))


def judged(house, csr, tag, *names, code=None):
    """Leaves a request, has it judged, and returns what became of it and what was said."""
    answer = leave(house, csr, tag)
    assert answer.status_code == 202, answer.text
    said = approve(house, *names, code=code)
    return state_of(house, answer.json()["id"]), said


def listed(house, plate):
    """PLATE is on a list that is live."""
    file = house.folder / f"{plate}.csv"
    file.write_text(f"plate,jurisdiction,reference\n{plate},NL,x\n", encoding="ascii")
    made = f"of-{plate.lower()}"
    house.platesieve("--as", "agency/customs/ana", "list", "create", made, "--category", "stolen")
    house.platesieve("--as", "agency/customs/ana", "list", "push", made, file)
    house.wait_live(made, house.list_object(made)["revision"])


def certificate_of(house, identity):
    return x509.load_pem_x509_certificate(open(house.certificate(identity)[0], "rb").read()).public_bytes(Encoding.DER)
