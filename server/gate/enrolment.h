/* The waiting room: requests for certificates wait here, in memory, until the authority's machine has collected and
   answered them.  The gate judges nothing: the code that a request was made with never comes here, nor does the
   authority's key.  What is lost with the process is sent again by whoever asked. */
#ifndef SERVER_GATE_ENROLMENT_H
#define SERVER_GATE_ENROLMENT_H

#include <platesieve/limits.h>
#include <stddef.h>
#include <stdint.h>

#include "server/http/metrics.h"
#include "server/http/reason.h"

#define ENROLMENT_ID_BYTES 16
#define ENROLMENT_ID_TEXT 22 /* base64url */
#define ENROLMENT_WORD_MAX 32 /* why a request was refused: a-z and hyphens */

enum enrolment_state { ENROLMENT_WAITING, ENROLMENT_SIGNED, ENROLMENT_REFUSED };

/* A request: a first one has a MAC; a renewal has the certificate that is to be followed, and a signature. */
struct enrolment {
    char id[ENROLMENT_ID_TEXT + 1];
    enum enrolment_state state;
    int64_t since_ms;                  /* UTC */
    char from[LIMIT_IDENTITY_MAX + 1]; /* "reader/north/7" by its certificate; of a stranger "" */
    char place[LIMIT_ADDRESS_TEXT + 1];
    uint8_t csr[LIMIT_CSR_BYTES], mac[PLATESIEVE_MAC_BYTES];
    uint8_t certificate[LIMIT_CERTIFICATE_BYTES], signature[LIMIT_SIGNATURE_BYTES];
    size_t csr_size, mac_size, certificate_size, signature_size; /* 0: it has none */
    uint8_t issued[LIMIT_CERTIFICATE_BYTES];                     /* with ENROLMENT_SIGNED */
    size_t issued_size;
    char refused[ENROLMENT_WORD_MAX + 1]; /* with ENROLMENT_REFUSED */
};

struct enrolments;

/* METRICS as for the server; both may be called by any thread.  NULL without memory. */
struct enrolments *enrolments_create(struct metrics *metrics);
void enrolments_destroy(struct enrolments *enrolments); /* NULL is fine */

/* Takes REQUEST in (its id and state are filled in) at NOW_MS (UTC, for people) and TICK_MS (monotonic).  The same
   request again gets the place it has; a later one under the same certificate takes the place of the earlier.
   REASON_WAITING_ROOM, REASON_CERTIFICATE (it can't be parsed). */
struct result enrolments_add(struct enrolments *enrolments, struct enrolment *request, int64_t now_ms, int64_t tick_ms);
/* Copies out; REASON_NOT_FOUND also when it waited for longer than LIMIT_ENROLMENT_S. */
struct result enrolments_get(struct enrolments *enrolments, const char *id, int64_t tick_ms, struct enrolment *request);
/* Those that wait, oldest first, into REQUESTS; how many. */
size_t enrolments_waiting(struct enrolments *enrolments, int64_t tick_ms, struct enrolment requests[LIMIT_ENROLMENTS]);
/* The authority's answer: a certificate (DER), or, with SIZE 0, the word REFUSED.  REASON_NOT_FOUND, REASON_ANSWERED,
   REASON_CERTIFICATE. */
struct result enrolments_answer(struct enrolments *enrolments, const char *id, int64_t tick_ms, const uint8_t *certificate,
                                size_t size, const char *refused);

#endif
