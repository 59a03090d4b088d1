"""From plate to token, written again from the design: what the tests hold the C library and the daemons against."""
import base64
import hashlib
import hmac
import unicodedata

LOOK_ALIKE = dict(zip("АВЕКМНОРСТУХ" "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEKMHOPCTYX" "ABEZHIKMNOPTYX"))
FOLD = str.maketrans("QDILZSBG", "00112586")
GRADES = ("near", "similar", "plate", "full")  # weakest first


def canonical(text):
    """The canonical form, or None: not a plate."""
    out = []
    for char in unicodedata.normalize("NFKC", text):
        upper = char.upper()
        char = upper if len(upper) == 1 else char
        char = LOOK_ALIKE.get(char, char)
        if "A" <= char <= "Z" or "0" <= char <= "9":
            out.append("0" if char == "O" else char)
    return "".join(out) if 1 <= len(out) <= 12 else None


def folded(text):
    return text.translate(FOLD)


def near(text, side):
    """The `near` texts of a folded text, for SIDE "lane" or "list"."""
    if len(text) < 5:
        return {("=" if side == "lane" else "+") + text} if len(text) == 4 else set()
    masked = {text[:i] + "?" + text[i + 1:] for i in range(len(text))}
    shorter = {text[:i] + text[i + 1:] for i in range(len(text))}
    if side == "lane":
        return masked | {"=" + text} | {"+" + one for one in shorter}
    return masked | {"=" + one for one in shorter} | {"+" + text}


def message(grade, jurisdiction, text):
    return b"\0".join(part.encode() for part in ("platesieve/1", grade, jurisdiction, text))


def outputs(prf_, messages):
    """What the PRF makes of MESSAGES.  Here and below a PRF is the key (bytes) of an epoch of hmac-sha256, or a function of messages."""
    return [hmac.digest(prf_, one, "sha256") for one in messages] if isinstance(prf_, bytes) else prf_(messages)


def prf(key, grade, jurisdiction, text):
    return outputs(key, [message(grade, jurisdiction, text)])[0]


def tag(proof_key, list_id, agency):
    return hmac.digest(proof_key, b"\0".join((b"platesieve/1/tag", list_id.encode(), agency.encode())), "sha256")[:8]


def texts(plate, jurisdiction, grade, side):
    """[(jurisdiction, text)] for one grade; empty when the grade has none."""
    form = canonical(plate)
    if grade == "full":
        return [(jurisdiction, form)] if jurisdiction else []
    if grade == "plate":
        return [("", form)]
    if grade == "similar":
        return [("", folded(form))]
    return [("", text) for text in sorted(near(folded(form), side))]


def grades_from(weakest):
    """The grades that a list with this weakest grade carries tokens for."""
    return [grade for grade in GRADES if GRADES.index(grade) >= GRADES.index(weakest)]


def messages_of(plate, jurisdiction, grades, side):
    """{grade: messages}"""
    return {grade: [message(grade, *pair) for pair in texts(plate, jurisdiction, grade, side)] for grade in grades}


def outputs_by_grade(prf_, messages):
    """What the PRF makes of what messages_of returned, all asked for at once."""
    made = iter(outputs(prf_, [one for some in messages.values() for one in some]))
    return {grade: [next(made) for _ in some] for grade, some in messages.items()}


def lane_tokens(prf_, plate, jurisdiction, grades):
    """What a lane sends for one candidate and epoch."""
    tokens = {}
    for grade, made in outputs_by_grade(prf_, messages_of(plate, jurisdiction, grades, "lane")).items():
        made = [text64(one[:16]) for one in made]
        if grade == "near":
            tokens[grade] = made
        elif made:
            tokens[grade] = made[0]
    return tokens


def list_tokens(prf_, plate, jurisdiction, grades, list_id, agency):
    """What an agency sends for one entry and epoch: tokens with their tags."""
    made = outputs_by_grade(prf_, messages_of(plate, jurisdiction, grades, "list"))
    return {grade: [text64(one[:16] + tag(one[16:32], list_id, agency)) for one in some] for grade, some in made.items()}


def key_id(key):
    return hmac.digest(key, b"platesieve/1/key-id", "sha256")[:16]


def text64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def bytes64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def digest_of_parts(bodies):
    return hashlib.sha256(b"".join(hashlib.sha256(body).digest() for body in bodies)).hexdigest()
