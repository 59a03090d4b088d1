"""The wire below requests: TLS connections that say exactly these bytes, and certificates that nobody should accept."""
import datetime
import ipaddress
import re
import socket
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


class Wire:
    """One TLS connection to a daemon."""

    def __init__(self, house, identity=None, server="gate", files=None, timeout=90):
        context = ssl.create_default_context(cafile=str(house.ca))
        if files or identity:
            context.load_cert_chain(*(files or house.certificate(identity)))
        port = int(house.url("", server).rpartition(":")[2])
        self.socket = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=timeout), server_hostname="localhost")
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def answer(self):
        """(status, {header: value}, body) of the next answer; None when the connection ended instead."""
        head = None
        while head is None:
            found = re.match(rb"(.*?)\r\n\r\n", self.rest, re.S)
            if found:
                head, self.rest = found[1], self.rest[found.end():]
            elif not self.receive():
                return None
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length", 0))
        while len(self.rest) < size:
            assert self.receive(), "the answer is cut off"
        body, self.rest = self.rest[:size], self.rest[size:]
        return int(status.split()[1]), headers, body

    def receive(self):
        try:
            data = self.socket.recv(65536)
        except (ConnectionResetError, ssl.SSLEOFError):
            data = b""
        self.rest += data
        return data

    def ask(self, method, path, body=b"", headers=()):
        """One request with the usual headers, and HEADERS as they are."""
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
        if body and not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode() + body)
        return self.answer()

    def ended(self):
        """True when the other side has closed and said nothing more."""
        return not self.receive() and not self.rest


def problem(answer):
    """(status, name) of an answer with a problem."""
    status, headers, body = answer
    assert headers["content-type"] == "application/problem+json", answer
    return status, re.search(rb'"type": ?"https://platesieve.example/problems/([a-z-]+)"', body)[1].decode()


def make_authority():
    """(certificate, key) of an authority that the daemons never heard of, but for its name."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Platesieve CA")])
    now = datetime.datetime.utcnow()
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now - DAY).not_valid_after(now + DAY)
                   .add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256()))
    return certificate, key


def authority(house):
    """(certificate, key) of the installation's own authority."""
    certificate = x509.load_pem_x509_certificate(house.ca.read_bytes())
    return certificate, serialization.load_pem_private_key((house.pki / "ca/ca.key").read_bytes(), None)


def make_certificate(folder, issuer, uris, usage=ExtendedKeyUsageOID.CLIENT_AUTH, begins=-DAY, ends=DAY, is_ca=False, curve=ec.SECP256R1(),
                     addresses=()):
    """(certificate file, key file) for a client (or server, with other USAGE and ADDRESSES), signed by ISSUER; BEGINS and ENDS from now."""
    key = ec.generate_private_key(curve)
    now = datetime.datetime.utcnow()
    builder = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")]))
               .issuer_name(issuer[0].subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now + begins).not_valid_after(now + ends).add_extension(x509.BasicConstraints(is_ca, None), True))
    names = [x509.IPAddress(ipaddress.ip_address(one)) for one in addresses] + [x509.UniformResourceIdentifier(uri) for uri in uris]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), False)
    files = folder / "client.pem", folder / "client.key"
    files[0].write_bytes(builder.sign(issuer[1], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return tuple(str(file) for file in files)
