"""Sealing as anybody's OpenSSL does it."""
import subprocess


def seal(house, data, certs=("evidence/customs.1",), cipher="aes-256-gcm", options=("-keyopt", "ecdh_kdf_md:sha256"), outform="DER"):
    """DATA sealed to the certificates CERTS of HOUSE's authority."""
    words = [word for cert in certs for word in ("-recip", str(house.pki / f"{cert}.pem"), *options)]
    return openssl("cms", "-encrypt", f"-{cipher}", "-binary", "-outform", outform, *words, data=data)


def openssl(*argv, data=None):
    done = subprocess.run(["openssl", *argv], input=data, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout
