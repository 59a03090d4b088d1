/* What the gate believes headers of lists by: the files of [gate] ca and crl, read again when they change. */
#ifndef SERVER_GATE_ANCHOR_FILES_H
#define SERVER_GATE_ANCHOR_FILES_H

#include "crypto/list_header.h"
#include "server/http/reason.h"

struct anchor_files;

/* CRL NULL or "": none.  Paths are borrowed.  NULL without memory. */
struct anchor_files *anchor_files_create(const char *ca, const char *crl, const char *trust_domain);
void anchor_files_destroy(struct anchor_files *files); /* NULL is fine */

/* list_header_verify() by what the files say now; one that can't be read leaves what was read before in force.  REASON_HEADER when it does
   not hold (*FAULT says why; may be NULL), REASON_INTERNAL when the files never could be read.  Any thread. */
struct result anchor_files_verify(struct anchor_files *files, const uint8_t *der, size_t size, const char *agency, const char *list,
                                  int64_t now_ms, struct list_header **header, enum list_header_fault *fault);

#endif
