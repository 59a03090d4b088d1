/* What the authority makes of a request for a certificate that a gate handed over.  Everything about it may be made up,
 * by the gate as well: it counts what the code or the old key vouches for, and nothing else. */
#ifndef CLIENT_CA_JUDGE_H
#define CLIENT_CA_JUDGE_H

#include "client/ca/codes.h"

#define CA_REQUEST_ID_MAX 48

/* As it came.  A first request has a MAC, a renewal a certificate and a signature. */
struct ca_asked {
    char id[CA_REQUEST_ID_MAX + 1];      /* at the gate */
    char address[LIMIT_ADDRESS_TEXT + 1]; /* where the gate says that it came from; may be empty */
    uint8_t csr[LIMIT_CSR_BYTES], mac[PLATESIEVE_MAC_BYTES];
    uint8_t certificate[LIMIT_CERTIFICATE_BYTES], signature[LIMIT_SIGNATURE_BYTES];
    size_t csr_size, certificate_size, signature_size; /* certificate_size 0: a first request */
};

enum ca_verdict {
    CA_LEAVE,  /* not ours to answer now: it goes on waiting */
    CA_REFUSE,
    CA_SIGN,
    CA_AGAIN,  /* it was signed, and the answer got lost: the same certificate once more */
};

struct ca_judgement {
    enum ca_verdict verdict;
    bool alarm;       /* somebody meddles: people should look */
    const char *word; /* for the device, with CA_REFUSE: "code", "code-expired", "code-used", "request", "role", "certificate",
                         "renewed", "early" */
    const char *why;  /* for the authority's people; NULL: nothing to say */
    struct name name; /* empty when the request names nobody */
    struct ca_code *code;                    /* that vouches for it; NULL: a renewal, or nothing */
    char authorisation[CA_DIGEST_TEXT + 1];
    EVP_PKEY *key;  /* of the request */
    X509 *issued;   /* with CA_AGAIN */
};

/* Which names are answered. */
struct ca_scope {
    const struct name *names; /* COUNT of them; with none, all readers, and only those */
    size_t count;
};

/* CODES may be marked later through judgement->code.  Wipe JUDGEMENT in any case. */
void ca_judge(const struct ca *ca, struct ca_codes *codes, const struct ca_scope *scope, const struct ca_asked *asked,
              struct ca_judgement *judgement);
void ca_judgement_wipe(struct ca_judgement *judgement);

/* Signs: what was signed, the index and the mark on the code are on disk, in this order, before the certificate is handed
 * out.  NULL is said. */
X509 *ca_sign_asked(struct ca *ca, struct ca_codes *codes,
                    struct ca_judgement *judgement, int64_t seconds);
/* Marks the code that vouches for a request that was signed before, if a break kept it from being marked.  False is said. */
bool ca_mark_used(const struct ca *ca, struct ca_codes *codes, const struct ca_judgement *judgement) MUST_USE;

#endif
