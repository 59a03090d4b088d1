"""Headers, sealing and opening as anybody's OpenSSL does it; pictures, made up to the last pixel."""
import datetime
import json
import os
import struct
import subprocess
import zlib

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import plates


def seal(house, data, certs=("evidence/customs.1",), cipher="aes-256-gcm", options=("-keyopt", "ecdh_kdf_md:sha256"), outform="DER"):
    """DATA sealed to the certificates CERTS of HOUSE's authority."""
    words = [word for cert in certs for word in ("-recip", str(house.pki / f"{cert}.pem"), *options)]
    return openssl("cms", "-encrypt", f"-{cipher}", "-binary", "-outform", outform, *words, data=data)


def openssl(*argv, data=None):
    done = subprocess.run(["openssl", *argv], input=data, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout


# -- headers of lists ---------------------------------------------------------------------------------------------------------


def certificate_text(pem):
    """A certificate's DER in base64url."""
    return plates.text64(x509.load_pem_x509_certificate(pem.read_bytes()).public_bytes(Encoding.DER))


def sign_header(pki, signer="agency/customs.ana", recipients=("evidence/customs.1",), **changes):
    """A list's header, with what CHANGES say, as a program of one's own makes it."""
    now = datetime.datetime.now(datetime.timezone.utc)
    text = {"platesieve": "list-header/1", "agency": "customs", "list": "stolen", "serial": int(now.timestamp()), "signed_at": time_text(now),
            "expires": time_text(now + datetime.timedelta(days=1)), "recipients": [certificate_text(pki / f"{name}.pem") for name in recipients],
            "shared_with": []}
    return openssl("cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-md", "sha256", "-outform", "DER", "-signer", str(pki / f"{signer}.pem"),
                   "-inkey", str(pki / f"{signer}.key"), data=json.dumps(text | changes).encode())


def time_text(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def unseal(pki, cms, name="evidence/customs.1"):
    return openssl("cms", "-decrypt", "-inform", "DER", "-binary", "-recip", str(pki / f"{name}.pem"), "-inkey", str(pki / f"{name}.key"), data=cms)


# -- pictures, made up --------------------------------------------------------------------------------------------------------


def segment(marker, body):
    return bytes([0xff, marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg(width=64, height=48, middle=b"", end=b""):
    """A grey JPEG whose blocks are each of one brightness; MIDDLE: more segments, END: what follows it."""
    quantisation = segment(0xdb, b"\0" + bytes([16] * 64))
    frame = segment(0xc0, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
    brightness = segment(0xc4, b"\0" + bytes([0, 0, 0, 12] + [0] * 12) + bytes(range(12)))  # twelve categories of four bits each
    rest = segment(0xc4, b"\x10" + bytes([1] + [0] * 15) + b"\0")                           # `end of block`, one bit
    bits, last = "", 0
    for number in range((width + 7) // 8 * ((height + 7) // 8)):
        value = number * 37 % 64 - 32
        step, last = value - last, value
        size = abs(step).bit_length()
        bits += f"{size:04b}" + (f"{step if step > 0 else step + (1 << size) - 1:0{size}b}" if size else "") + "0"
    bits += "1" * (-len(bits) % 8)
    scan = bytes(int(bits[at:at + 8], 2) for at in range(0, len(bits), 8)).replace(b"\xff", b"\xff\0")
    return b"\xff\xd8" + middle + quantisation + frame + brightness + rest + segment(0xda, b"\1\1\0\0\x3f\0") + scan + b"\xff\xd9" + end


def large_jpeg(size, mark=b""):
    """One of about SIZE bytes, most of which are comments: MARK, and what can't be compressed."""
    pieces = [mark + os.urandom(min(60_000, size - at)) for at in range(0, size, 60_000)]
    return jpeg(middle=b"".join(segment(0xfe, piece) for piece in pieces))


def exif_gps():
    """An APP1 segment that says where the camera stood: 48 degrees north."""
    entries = struct.pack(">HHI4s", 1, 2, 2, b"N\0\0\0") + struct.pack(">HHII", 2, 5, 3, 56)
    gps = struct.pack(">H", 2) + entries + struct.pack(">I", 0)
    tiff = b"MM\0*" + struct.pack(">I", 8) + struct.pack(">HHHIII", 1, 0x8825, 4, 1, 26, 0) + gps
    tiff += bytes(56 - len(tiff)) + struct.pack(">IIIIII", 48, 1, 12, 1, 30, 1)
    return segment(0xe1, b"Exif\0\0" + tiff)


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width=64, height=48, pixels=None, middle=b"", end=b""):
    """A PNG in colour; PIXELS: width * height * 3 bytes."""
    pixels = pixels or bytes((x * y) % 256 for y in range(height) for x in range(width * 3))
    rows = b"".join(b"\0" + pixels[at:at + width * 3] for at in range(0, len(pixels), width * 3))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + middle + \
        chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"") + end


def png_pixels(data):
    """The pixels of a PNG without interlace: what libpng filtered is undone."""
    at, stream, width = 8, b"", 0
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at:at + 8])
        if name == b"IHDR":
            width = struct.unpack(">I", data[at + 8:at + 12])[0]
        stream += data[at + 8:at + 8 + size] if name == b"IDAT" else b""
        at += 12 + size
    rows, line, before = zlib.decompress(stream), width * 3 + 1, bytes(width * 3)
    pixels = b""
    for start in range(0, len(rows), line):
        before = unfilter(rows[start], rows[start + 1:start + line], before)
        pixels += before
    return pixels


def unfilter(kind, row, above):
    out = bytearray()
    for at, value in enumerate(row):
        left, up, corner = (out[at - 3] if at >= 3 else 0), above[at], (above[at - 3] if at >= 3 else 0)
        nearest = min((left, up, corner), key=lambda one: (abs(left + up - corner - one), (left, up, corner).index(one)))
        out.append((value + (0, left, up, (left + up) // 2, nearest)[kind]) % 256)
    return bytes(out)


def chunks(data):
    at, names = 8, []
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at:at + 8])
        names.append(name)
        at += 12 + size
    return names


def segments(data):
    """Markers of a JPEG up to its scan; asserts that it ends with its end."""
    assert data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9"
    at, markers = 2, []
    while data[at + 1] != 0xda:
        assert data[at] == 0xff
        markers.append(data[at + 1])
        at += 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
    return markers
