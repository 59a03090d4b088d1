"""A client of RFC 9497, VOPRF(ristretto255, SHA-512), on libsodium: what the tests make their tokens with where an epoch is of the second suite.
ristretto.py, in plain Python, is what both this and the C library are held against; this one is quick."""
import ctypes
import secrets

from ristretto import ORDER, expand, context, hash_to_scalar, hashlib, sized

LIBRARY = ctypes.CDLL("libsodium.so.23")
LIBRARY.sodium_init()


def scalar_bytes(scalar):
    return (scalar % ORDER).to_bytes(32, "little")


def call(name, *arguments):
    """The element that libsodium's function NAME makes of ARGUMENTS; ValueError: of these it makes none."""
    out = ctypes.create_string_buffer(32)
    if getattr(LIBRARY, name)(out, *arguments):
        raise ValueError("not an element, or the identity")
    return out.raw


def multiply(scalar, element):
    return call("crypto_scalarmult_ristretto255", scalar_bytes(scalar), element)


def base(scalar):
    return call("crypto_scalarmult_ristretto255_base", scalar_bytes(scalar))


def add(one, other):
    return call("crypto_core_ristretto255_add", one, other)


def blind(message, scalar):
    hashed = expand(message, b"HashToGroup-" + context(1))
    return multiply(scalar, call("crypto_core_ristretto255_from_hash", hashed))


def finalize(message, scalar, evaluated):
    return hashlib.sha512(sized(message) + sized(multiply(pow(scalar, -1, ORDER), evaluated)) + b"Finalize").digest()


def verify(public_key, blinded, evaluated, proof):
    """RFC 9497, 2.2.2, for answers of a server that the test trusts to send elements."""
    seed = hashlib.sha512(sized(public_key) + sized(b"Seed-" + context(1))).digest()
    m = z = bytes(32)
    for number, (before, after) in enumerate(zip(blinded, evaluated, strict=True)):
        weight = hash_to_scalar(sized(seed) + number.to_bytes(2, "big") + sized(before) + sized(after) + b"Composite")
        m, z = add(m, multiply(weight, before)), add(z, multiply(weight, after))
    c, s = (int.from_bytes(half, "little") for half in (proof[:32], proof[32:]))
    t2, t3 = add(base(s), multiply(c, public_key)), add(multiply(s, m), multiply(c, z))
    return c == hash_to_scalar(b"".join(sized(one) for one in (public_key, m, z, t2, t3)) + b"Challenge")


def evaluate(public_key, messages, ask):
    """The outputs of MESSAGES; ASK(blinded) -> (evaluated, proof) asks the key server."""
    scalars = [secrets.randbelow(ORDER - 1) + 1 for _ in messages]
    blinded = [blind(*one) for one in zip(messages, scalars)]
    evaluated, proof = ask(blinded)
    assert verify(public_key, blinded, evaluated, proof), "the key server's proof is wrong"
    return [finalize(*one) for one in zip(messages, scalars, evaluated)]
