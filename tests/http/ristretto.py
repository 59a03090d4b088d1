"""ristretto255 (RFC 9496) and OPRF(ristretto255, SHA-512) in modes OPRF and VOPRF (RFC 9497), written from the RFCs in plain Python: what
the tests hold the C library and the key server against.  Slow, and not constant in time."""
import hashlib

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
IDENTITY = (0, 1, 1, 0)  # x, y, z, t of extended coordinates, a = -1


# -- the group -------------------------------------------------------------------------------------------------------------------


def negative(x):
    return x % P & 1


def absolute(x):
    return -x % P if negative(x) else x % P


def sqrt_ratio(u, v):
    """(whether u/v is a square, its root or that of SQRT_M1 u/v); 4.2."""
    root = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * root * root % P
    if check in (-u % P, -u * SQRT_M1 % P):
        root = root * SQRT_M1 % P
    return check in (u % P, -u % P), absolute(root)


INVSQRT_A_MINUS_D = sqrt_ratio(1, -1 - D)[1]
SQRT_AD_MINUS_ONE = -sqrt_ratio(-D - 1, 1)[1] % P  # the RFC has the root that is odd


def decode(data):
    """A point, or None: not the canonical encoding of one; 4.3.1.  The identity is one here."""
    s = int.from_bytes(data, "little")
    if len(data) != 32 or s >= P or negative(s):
        return None
    u1, u2 = 1 - s * s, 1 + s * s
    v = (-D * u1 * u1 - u2 * u2) % P
    square, inverse = sqrt_ratio(1, v * u2 * u2)
    x = absolute(2 * s * inverse * u2)
    y = u1 * inverse * inverse * u2 * v % P
    t = x * y % P
    return (x, y, 1, t) if square and not negative(t) and y else None


def encode(point):
    """4.3.2."""
    x, y, z, t = point
    u1, u2 = (z + y) * (z - y), x * y
    inverse = sqrt_ratio(1, u1 * u2 * u2)[1]
    den1, den2 = inverse * u1, inverse * u2
    z_inverse = den1 * den2 * t
    den = den2
    if negative(t * z_inverse):
        x, y, den = y * SQRT_M1, x * SQRT_M1, den1 * INVSQRT_A_MINUS_D
    if negative(x * z_inverse):
        y = -y
    return absolute(den * (z - y)).to_bytes(32, "little")


def add(one, other):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = one, other
    a, b = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2)
    c, d = 2 * D * t1 * t2, 2 * z1 * z2
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, point):
    product = IDENTITY
    for bit in bin(scalar % ORDER)[2:]:
        product = add(product, product)
        if bit == "1":
            product = add(product, point)
    return product


def elligator(data):
    """4.3.4, MAP."""
    t = int.from_bytes(data, "little") % 2**255 % P
    r = SQRT_M1 * t * t % P
    u, v = (r + 1) * (1 - D * D), (-1 - r * D) * (r + D)
    square, s = sqrt_ratio(u, v)
    c = -1 if square else r
    s = s if square else -absolute(s * t)
    w0, w1, w2, w3 = 2 * s * v, (c * (r - 1) * (D - 1) ** 2 - v) * SQRT_AD_MINUS_ONE, 1 - s * s, 1 + s * s
    return w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P


def from_hash(data):
    return add(elligator(data[:32]), elligator(data[32:]))


GENERATOR = decode(bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"))


# -- RFC 9497 ---------------------------------------------------------------------------------------------------------------------


def context(mode):
    return b"OPRFV1-" + bytes([mode]) + b"-ristretto255-SHA512"


def sized(data):
    return len(data).to_bytes(2, "big") + data


def expand(message, tag):
    """expand_message_xmd to 64 bytes: one block of SHA-512; RFC 9380, 5.3.1."""
    tag += bytes([len(tag)])
    first = hashlib.sha512(bytes(128) + message + b"\0\x40\0" + tag).digest()
    return hashlib.sha512(first + b"\1" + tag).digest()


def hash_to_group(message, mode=1):
    return from_hash(expand(message, b"HashToGroup-" + context(mode)))


def hash_to_scalar(message, mode=1, label=b"HashToScalar-"):
    return int.from_bytes(expand(message, label + context(mode)), "little") % ORDER


def derive(seed, info, mode=1):
    """The secret key; 3.2.1."""
    return hash_to_scalar(seed + sized(info) + b"\0", mode, b"DeriveKeyPair")


def composites(public_key, blinded, evaluated):
    """M and Z; 2.2.1."""
    seed = hashlib.sha512(sized(public_key) + sized(b"Seed-" + context(1))).digest()
    m = z = IDENTITY
    for number, (before, after) in enumerate(zip(blinded, evaluated)):
        weight = hash_to_scalar(sized(seed) + number.to_bytes(2, "big") + sized(before) + sized(after) + b"Composite")
        m, z = add(m, multiply(weight, decode(before))), add(z, multiply(weight, decode(after)))
    return m, z


def challenge(public_key, *points):
    return hash_to_scalar(sized(public_key) + b"".join(sized(encode(point)) for point in points) + b"Challenge")


def prove(key, blinded, evaluated, nonce):
    public_key = encode(multiply(key, GENERATOR))
    m, z = composites(public_key, blinded, evaluated)
    c = challenge(public_key, m, z, multiply(nonce, GENERATOR), multiply(nonce, m))
    return b"".join(scalar.to_bytes(32, "little") for scalar in (c, (nonce - c * key) % ORDER))


def verify(public_key, blinded, evaluated, proof):
    """2.2.2; also refuses what is not canonical."""
    c, s = int.from_bytes(proof[:32], "little"), int.from_bytes(proof[32:], "little")
    points = [decode(element) for element in (public_key, *blinded, *evaluated)]
    if len(proof) != 64 or c >= ORDER or s >= ORDER or len(blinded) != len(evaluated) or None in points or bytes(32) in (public_key, *blinded, *evaluated):
        return False
    m, z = composites(public_key, blinded, evaluated)
    t2 = add(multiply(s, GENERATOR), multiply(c, points[0]))
    return c == challenge(public_key, m, z, t2, add(multiply(s, m), multiply(c, z)))


def blind(message, scalar, mode=1):
    return encode(multiply(scalar, hash_to_group(message, mode)))


def evaluate(key, element):
    return encode(multiply(key, decode(element)))


def finalize(message, scalar, evaluated):
    unblinded = encode(multiply(pow(scalar, -1, ORDER), decode(evaluated)))
    return hashlib.sha512(sized(message) + sized(unblinded) + b"Finalize").digest()
