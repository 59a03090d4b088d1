"""What the documents show works: the examples compile and run, the man pages are clean, links lead somewhere."""
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

import enrol
import plates
from house import eventually
from meddler import Meddler, flip

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PLATESIEVE_BUILD") or TOP / "build").resolve()
KEY = bytes(range(32))
PLATE, JURISDICTION = "qq-0oq7 q", "TX"


def blocks(document, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (TOP / "docs" / document).read_text(), re.M | re.S)


def build_example(folder, text):
    """TEXT, built as a stranger would, against the library in the build folder."""
    (folder / "one-read.c").write_text(text)
    described = (BUILD / "crypto/libplatesieve.pc").read_text()
    needs = re.search(r"^Requires\.private: (.*)$", described, re.M)[1].split()
    flags = re.search(r"^Libs\.private:(.*)$", described, re.M)[1].split()
    flags += subprocess.run(["pkg-config", "--libs", *needs], capture_output=True, text=True, check=True).stdout.split()
    if "#define PLATESIEVE_SANITIZER 1" in (BUILD / "config.h").read_text():
        flags.append("-fsanitize=address,undefined")
    subprocess.run(["cc", "-std=c17", "-Wall", "-Wextra", "-Werror", f"-I{TOP}/include", "one-read.c", "-o", "one-read",
                    str(BUILD / ".libs/libplatesieve.a"), *flags], cwd=folder, check=True)
    return folder / "one-read"


@pytest.fixture(scope="module")
def one_read(tmp_path_factory):
    return build_example(tmp_path_factory.mktemp("reader"), blocks("embedding.md", "c")[1])


def test_the_c_example_makes_a_right_request(one_read):
    done = subprocess.run([str(one_read), "0123456789abcdef", "20261122T000000Z", "2026-11-22T01:30:43.123Z"], capture_output=True, check=True,
                          input=KEY + f"{PLATE.replace(' ', '')} {JURISDICTION}\n".encode())
    body = json.loads(done.stdout)
    assert body["epochs"] == [{"id": "20261122T000000Z", "key_id": plates.text64(plates.key_id(KEY))}]
    tokens = body["reads"][0]["candidates"][0]["tokens"][0]
    expected = plates.lane_tokens(KEY, PLATE, "US-TX", plates.GRADES)
    assert {**tokens, "near": sorted(tokens["near"])} == {**expected, "near": sorted(expected["near"])}


SECOND_SUITE = r"""
#include <stdio.h>

static struct platesieve_voprf_key *key;

/* Server 0 is away, server 1 lies, server 2 is honest. */
static bool ask(unsigned server, const struct platesieve_element *blinded, size_t count, struct answer *answer)
{
    if (server == 0) return false;
    answer->count = count;
    if (platesieve_failed(platesieve_voprf_evaluate(key, blinded, count, answer->evaluated, &answer->proof))) return false;
    if (server == 1) answer->proof.bytes[3] ^= 1;
    return true;
}

int main(void)
{
    uint8_t seed[PLATESIEVE_SEED_BYTES], key_id[PLATESIEVE_KEY_ID_BYTES] = { 0 };
    struct platesieve_plate plate;
    struct platesieve_jurisdiction jurisdiction = { "US-TX" };
    struct platesieve_message messages[PLATESIEVE_NEAR_MAX];
    struct platesieve_token tokens[PLATESIEVE_NEAR_MAX];
    size_t count = 0;

    for (unsigned i = 0; i < sizeof seed; i++) seed[i] = (uint8_t)i;
    if (platesieve_failed(platesieve_init()) || platesieve_failed(platesieve_voprf_key_derive(seed, "20261122T000000Z", &key))) return 1;
    struct platesieve_element public_key = platesieve_voprf_public_key(key);
    if (platesieve_failed(platesieve_plate_canonicalise("zz-oo 99q", 9, &plate)) || public_key_is(&public_key, key_id)) return 2;
    if (platesieve_failed(platesieve_voprf_key_id(&public_key, key_id)) || !public_key_is(&public_key, key_id)) return 3;
    if (platesieve_failed(platesieve_messages(&plate, &jurisdiction, PLATESIEVE_FULL, PLATESIEVE_SIDE_LANE, messages, &count))) return 4;
    if (tokens_of(&public_key, messages, count, 2, ask, tokens) || !tokens_of(&public_key, messages, count, 3, ask, tokens)) return 5;
    for (unsigned i = 0; i < PLATESIEVE_TOKEN_BYTES; i++) printf("%02x", tokens[0].token[i]);
    platesieve_voprf_key_destroy(key);
    return 0;
}
"""


def test_the_c_example_of_the_second_suite_takes_no_wrong_proof(tmp_path):
    program = build_example(tmp_path, blocks("embedding.md", "c")[2] + SECOND_SUITE)
    done = subprocess.run([str(program)], capture_output=True, text=True, check=True)
    protocol = (TOP / "docs/protocol.md").read_text()
    example = protocol[protocol.index("## The second suite"):]
    assert f"| token, `full` | `{done.stdout}` |" in example


SHARED = r"""
#include <stdio.h>

static struct platesieve_voprf_key *keys[PLATESIEVE_KEY_SERVERS];
static unsigned away, liar, asked[PLATESIEVE_KEY_SERVERS + 1];

static bool ask(unsigned server, const struct platesieve_element *blinded, size_t count, struct answer *answer)
{
    asked[server]++;
    if (server == away) return false;
    answer->count = count;
    if (platesieve_failed(platesieve_voprf_evaluate(keys[server - 1], blinded, count, answer->evaluated, &answer->proof))) return false;
    if (server == liar) answer->proof.bytes[3] ^= 1;
    return true;
}

static bool deal(struct platesieve_element public_shares[PLATESIEVE_KEY_SERVERS], uint8_t key_id[PLATESIEVE_KEY_ID_BYTES])
{
    uint8_t seeds[PLATESIEVE_KEY_SERVERS][PLATESIEVE_SEED_BYTES];
    struct platesieve_element whole;

    for (unsigned j = 0; j < PLATESIEVE_KEY_SERVERS; j++)
        for (unsigned i = 0; i < PLATESIEVE_SEED_BYTES; i++) seeds[j][i] = (uint8_t)(0x40 + 0x20 * j + i);
    for (unsigned i = 1; i <= PLATESIEVE_KEY_SERVERS; i++) {
        unsigned low = i == 1 ? 2 : 1, high = i == 3 ? 2 : 3;
        struct platesieve_result made =
            platesieve_voprf_key_share(i, seeds[low - 1], seeds[high - 1], "20261122T000000Z", &keys[i - 1]);
        if (platesieve_failed(made)) return false;
        public_shares[i - 1] = platesieve_voprf_public_key(keys[i - 1]);
    }
    return !platesieve_failed(platesieve_voprf_combine(1, &public_shares[0], 3, &public_shares[2], &whole)) &&
           !platesieve_failed(platesieve_voprf_key_id(&whole, key_id));
}

int main(void)
{
    struct platesieve_element public_shares[PLATESIEVE_KEY_SERVERS], wrong;
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];
    struct platesieve_plate plate;
    struct platesieve_jurisdiction jurisdiction = { "US-TX" };
    struct platesieve_message message;
    struct platesieve_token tokens, first;
    size_t count = 0;

    if (platesieve_failed(platesieve_init()) || !deal(public_shares, key_id)) return 1;
    if (platesieve_failed(platesieve_plate_canonicalise("zz-oo 99q", 9, &plate))) return 2;
    if (platesieve_failed(platesieve_messages(&plate, &jurisdiction, PLATESIEVE_FULL, PLATESIEVE_SIDE_LANE, &message, &count))) return 3;
    const struct platesieve_element *told[PLATESIEVE_KEY_SERVERS] = { &public_shares[0], &public_shares[1], &public_shares[2] };
    if (!tokens_of_shared(told, key_id, &message, count, ask, &first) || asked[3] != 0) return 4;
    for (away = 0; away <= PLATESIEVE_KEY_SERVERS; away++)
        for (liar = 0; liar <= PLATESIEVE_KEY_SERVERS; liar++) {
            bool made = tokens_of_shared(told, key_id, &message, count, ask, &tokens);
            bool two = away == 0 || liar == 0 || away == liar;
            if (made != two || (made && memcmp(&tokens, &first, sizeof first) != 0)) return 5;
        }
    away = liar = 0;
    wrong = public_shares[0];
    told[1] = &wrong; /* server 2 tells the share of server 1 */
    if (!tokens_of_shared(told, key_id, &message, count, ask, &tokens) || memcmp(&tokens, &first, sizeof first) != 0) return 6;
    told[2] = NULL;
    if (tokens_of_shared(told, key_id, &message, count, ask, &tokens)) return 7;
    for (unsigned i = 0; i < PLATESIEVE_KEY_SERVERS; i++) platesieve_voprf_key_destroy(keys[i]);
    return 0;
}
"""


def test_the_c_example_of_shared_keys_goes_on_with_two(tmp_path):
    _, _, second, third = blocks("embedding.md", "c")
    program = build_example(tmp_path, second + third + SHARED)
    assert subprocess.run([str(program)], check=False).returncode == 0


def test_the_shell_example_is_answered(new_installation, tmp_path):
    """one-read.sh, which is for hmac-sha256, against the real gate: a listed plate hits, at the strongest grade, and another is clear."""
    installation, script = new_installation({"keys.keyd.suite": "hmac-sha256"}), tmp_path / "one-read.sh"
    script.write_text(blocks("embedding.md", "sh")[0])
    name = installation.listed("QQ00Q7Q", "US-TX", grade="near")

    def run(plate, jurisdiction, code=0, **env):
        done = subprocess.run(["bash", str(script), plate, jurisdiction], capture_output=True, text=True, check=False,
                              env={"PATH": "/usr/bin:/bin", **installation.environment(), **env})
        assert done.returncode == code, (done.stdout, done.stderr)
        assert ("a false alert" in done.stderr) == (code == 3)
        return json.loads(done.stdout)["answers"][0]

    hit = eventually(lambda: (lambda answer: answer if answer["answer"] == "hit" else None)(run("qq-0oq7 q", "US-TX")))
    assert [alert["grade"] for alert in hit["alerts"] if alert["list"] == name] == ["full"]
    assert [alert["grade"] for alert in run("QQ00Q7W", "")["alerts"] if alert["list"] == name] == ["near"]
    assert run("ZZ99ZZ999", "US-TX")["answer"] == "clear"

    def lie(_method, _path, _status, told):
        for answer in told.get("answers", []):
            for alert in answer.get("alerts", []):
                alert["tag"] = flip(alert["tag"], 3)
        return told

    gate = Meddler(installation, real=installation.gate_url)
    gate.meddle = lie
    try:
        run("QQ00Q7Q", "US-TX", code=3, PLATESIEVE_GATE=gate.url)
    finally:
        gate.stop()


def check_of(symbols):
    """Both sums over the characters of a code, by the words of docs/protocol.md."""
    def times_x(value):
        return value << 1 ^ (0b100101 if value & 16 else 0)
    plain = weighted = 0
    for symbol in reversed(symbols):  # Horner
        weighted = times_x(weighted) ^ symbol
        plain ^= symbol
    return plain, weighted


def test_the_example_of_enrolment():
    rows = dict(re.findall(r"^\| (code, bytes|code, text|name|CSR|MAC) \| `(.*)` \|$", (TOP / "docs/protocol.md").read_text(), re.M))
    code = bytes.fromhex(rows["code, bytes"])
    assert enrol.code_bytes(rows["code, text"]) == code
    assert check_of([enrol.ALPHABET.index(symbol) for symbol in rows["code, text"].replace("-", "")]) == (0, 0)
    csr = plates.bytes64(rows["CSR"])
    assert plates.text64(enrol.mac(code, csr)) == rows["MAC"]
    names = x509.load_der_x509_csr(csr).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [rows["name"]]


@pytest.mark.parametrize("page", sorted((TOP / "man").glob("*.[1-8]")), ids=lambda page: page.name)
def test_man_pages_are_clean(page):
    said = subprocess.run(["mandoc", "-Tlint", "-Wwarning", str(page)], capture_output=True, text=True, check=False).stdout.splitlines()
    # platesieve-list(1) is about `platesieve list`: mandoc takes its references to platesieve(1) for references to itself.
    assert not [line for line in said if "cross reference to self: Xr platesieve 1" not in line]


@pytest.mark.parametrize("page", sorted((TOP / "man").glob("platesieve-*.1")), ids=lambda page: page.name)
def test_man_pages_keep_the_whole_name_of_their_command(page):
    """groff's man remembers one word only of a name that is not quoted, and says `platesieve --config` of `platesieve lane --config`."""
    first = next(line for line in page.read_text().splitlines() if line.startswith(".Nm "))
    assert first == f'.Nm "platesieve {page.stem.removeprefix("platesieve-")}"'


def test_links_between_documents_lead_somewhere():
    for page in [TOP / "README.md", *(TOP / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()) if page.exists() else []:
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def keys_of_table(path):
    """{(section, key)} that a daemon's config.c reads; quotas are those of both, in a file of their own."""
    source = (TOP / path).read_text()
    quotas = {("quota", key) for key in re.findall(r'^    \{ "([a-z_]+)", offsetof', (TOP / "server/http/quota_profile.c").read_text(), re.M)}
    quotas |= {("quota", "grades"), ("quota", "total_a_day")}
    section = re.search(r'\{ "([a-z]+)", key, SETTING', source)  # a table with one section names it in its macros
    if section:
        return quotas | {(section[1], key) for key in re.findall(r'^    (?:TEXT|NUMBER|BOOL)\("([a-z_]+)"', source, re.M)}
    return quotas | set(re.findall(r'(?:TEXT|NUMBER|BOOL)\("([a-z]+)", "([a-z_]+)"', source)) | set(re.findall(r'\{\s*"(site) \*", "([a-z_]+)"', source))


@pytest.mark.parametrize("path", ["server/gate/config.c", "server/keys/config.c"])
def test_every_setting_is_documented(path):
    """docs/operations.md and platesieved.conf(5) name each setting, and none that is not read."""
    settings = keys_of_table(path)
    assert len(settings) > 10
    text = (TOP / "docs/operations.md").read_text()
    manual = (TOP / "man/platesieved.conf.5").read_text()
    for section, key in settings:
        assert re.search(rf"^\| `\[{section}[^\]]*\]` \| `{key}` \|", text, re.M), (section, key)
        assert re.search(rf"^\.It (Cm|Ic) {key}\b", manual, re.M), (section, key)


def test_no_setting_is_documented_that_is_not_read():
    settings = keys_of_table("server/gate/config.c") | keys_of_table("server/keys/config.c")
    rows = set(re.findall(r"^\| `\[([a-z]+)[^\]]*\]` \| `([a-z_]+)` \|", (TOP / "docs/operations.md").read_text(), re.M))
    assert rows == settings


def test_every_setting_of_a_lane_is_in_its_manual():
    source = (TOP / "client/lane/config.c").read_text()
    settings = {key for _, key in re.findall(r'^    (?:TEXT|NUMBER|YESNO)\("([a-z]+)", "([a-z_]+)"', source, re.M)}
    manual = (TOP / "man/platesieve-lane.conf.5").read_text()
    assert len(settings) > 30 and set(re.findall(r"^\.It Cm ([a-z_]+)$", manual, re.M)) == settings
    example = (TOP / "deploy/systemd/lane.conf.example").read_text()
    assert set(re.findall(r"^;? ?([a-z_]+) = ", example, re.M)) <= settings | {"camera"}
