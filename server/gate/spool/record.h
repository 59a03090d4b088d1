/* A sighting as bytes, and sealed: what a record of the spool holds.  Version 1; little endian; fixed size. */
#ifndef SERVER_GATE_SPOOL_RECORD_H
#define SERVER_GATE_SPOOL_RECORD_H

#include "server/gate/check/sighting.h"

#define SPOOL_RECORD_PLAIN_BYTES (1 + 16 + 16 + 8 + 4 * 4 + 8 + 4 + 4 + 2 * (LIMIT_NAME_MAX + 1))
#define SPOOL_RECORD_BYTES (24 + SPOOL_RECORD_PLAIN_BYTES + 16) /* nonce, sealed, tag */

void spool_record_seal(const uint8_t key[32], const struct sighting *sighting, uint8_t record[SPOOL_RECORD_BYTES]);
/* False: cut off, changed, under another key, or of another version. */
bool spool_record_open(const uint8_t key[32], const uint8_t *record, size_t size, struct sighting *sighting);

#endif
