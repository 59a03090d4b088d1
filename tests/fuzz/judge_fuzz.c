/* Any bytes as a request for a certificate, under a right MAC, and as a renewal: nothing is signed but what the code
 * stands for. */
#include "client/ca/judge.h"
#include "client/enrol/code.h"
#include "client/identity/certificate.h"
#include "client/moment.h"
#include "tests/fuzz/fuzz.h"

static struct ca ca = { .lock = -1, .trust_domain = "example.net", .folder = "/nowhere" };
static struct ca_code code = { .name = "reader/north/7" };

static void prepare(void)
{
    if (ca.key != NULL) return;
    FUZZ_ASSERT(sodium_init() >= 0);
    ca.key = ca_new_key();
    ca.certificate = ca_sign_self(ca.key, ca.trust_domain, 10);
    FUZZ_ASSERT(ca.certificate != NULL);
}

static void judge(const struct ca_asked *asked)
{
    struct ca_codes codes = { &code, 1 };
    const struct ca_scope readers = { NULL, 0 };
    struct ca_judgement judgement;
    struct name again;

    ca_judge(&ca, &codes, &readers, asked, &judgement);
    FUZZ_ASSERT(judgement.verdict != CA_AGAIN);
    FUZZ_ASSERT((judgement.verdict == CA_REFUSE) == (judgement.word != NULL));
    FUZZ_ASSERT(judgement.name.text[0] == '\0' || name_parse(judgement.name.text, &again));
    if (judgement.verdict == CA_SIGN) {
        FUZZ_ASSERT(asked->certificate_size == 0 && judgement.code == &code);
        FUZZ_ASSERT(strcmp(judgement.name.text, code.name) == 0 && key_fits(judgement.key));
    }
    ca_judgement_wipe(&judgement);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ca_asked asked;
    uint8_t typed[PLATESIEVE_CODE_BYTES];

    prepare();
    code.used_ms = 0;
    code.expires_ms = moment_now_ms() + 60000;
    (void)!enrol_code_parse((const char *)data, size, typed);
    if (size > LIMIT_CSR_BYTES) return 0;
    asked = (struct ca_asked) { .csr_size = size };
    memcpy(asked.csr, data, size);
    enrol_code_mac(code.code, data, size, asked.mac);
    judge(&asked);
    memcpy(asked.certificate, data, size);
    asked.certificate_size = size;
    asked.signature_size = size < sizeof(asked.signature) ? size : sizeof(asked.signature);
    memcpy(asked.signature, data, asked.signature_size);
    if (size > 0) judge(&asked);
    return 0;
}
