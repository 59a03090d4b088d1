"""Pictures for the demo: a made-up plate on a bumper, as a PNG, with what cameras write beside it: where they stood."""
import struct
import zlib

WIDTH, HEIGHT, SCALE = 160, 60, 3
# Letters and digits, seven rows of five dots each, as hexadecimal digits of two: a row is its five lowest bits.
GLYPHS = {
    "0": "0e11131519110e", "1": "040c040404040e", "2": "0e11010204081f", "3": "1f02040201110e", "4": "02060a121f0202", "5": "1f101e0101110e",
    "6": "0608101e11110e", "7": "1f010204080808", "8": "0e11110e11110e", "9": "0e11110f01020c", "A": "0e11111f111111", "B": "1e11111e11111e",
    "C": "0e11101010110e", "D": "1c12111111121c", "E": "1f10101e10101f", "F": "1f10101e101010", "G": "0e11101711110f", "H": "1111111f111111",
    "I": "0e04040404040e", "J": "0702020202120c", "K": "11121418141211", "L": "1010101010101f", "M": "111b1515111111", "N": "11111915131111",
    "O": "0e11111111110e", "P": "1e11111e101010", "Q": "0e11111115120d", "R": "1e11111e141211", "S": "0f10100e01011e", "T": "1f040404040404",
    "U": "1111111111110e", "V": "11111111110a04", "W": "1111111515150a", "X": "11110a040a1111", "Y": "11110a04040404", "Z": "1f01020408101f",
}


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def rows_of(plate):
    """HEIGHT rows of WIDTH grey pixels."""
    rows = [bytearray(b"\x50" * WIDTH) for _ in range(HEIGHT)]
    for row in rows[10:50]:
        row[5:WIDTH - 5] = b"\xf0" * (WIDTH - 10)
    for place, char in enumerate(plate[:8]):
        dots = bytes.fromhex(GLYPHS.get(char, "00000000000000"))
        for y, line in enumerate(dots):
            for x in range(5):
                if line >> (4 - x) & 1:
                    left = 10 + place * 6 * SCALE + x * SCALE
                    for row in rows[19 + y * SCALE:19 + (y + 1) * SCALE]:
                        row[left:left + SCALE] = b"\x10" * SCALE
    return rows


def png(plate, taken="31 45 29 N, 106 29 10 W"):
    """A picture of PLATE; TAKEN is where the camera stood, which nobody downstream shall learn from it."""
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)) + chunk(b"tEXt", b"GPS\0" + taken.encode())
            + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows_of(plate)))) + chunk(b"IEND", b""))
