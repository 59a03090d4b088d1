/* One epoch in one sealed file. */
#ifndef SERVER_KEYS_EPOCH_FILE_H
#define SERVER_KEYS_EPOCH_FILE_H

#include "server/keys/epoch_store.h"

#define EPOCH_FILE_NAME_SIZE 48

/* "0000000017-20261122T000000Z.key", or ".gone" when EPOCH is erased. */
void epoch_file_name(const struct epoch *epoch, char name[EPOCH_FILE_NAME_SIZE]);
/* Takes number, id and `erased` from a name; false if it is none of ours. */
bool epoch_file_parse_name(const char *name, struct epoch *epoch);

/* SECRET is a key or a seed, as the suite has it (PLATESIEVE_KEY_BYTES), or what a share is made of
   (EPOCH_SECRET_BYTES, and room for so many when reading).  It is written and read for epochs that are not erased;
   NULL is fine for the others. */
struct result epoch_file_write(const char *folder, const uint8_t *master, const struct epoch *epoch,
                               const uint8_t *secret);
/* EPOCH comes with what the name says.  REASON_INTERNAL when the content is broken or does not fit the name. */
struct result epoch_file_read(const char *folder, const uint8_t *master, struct epoch *epoch,
                              uint8_t secret[EPOCH_SECRET_BYTES]);
struct result epoch_file_erase(const char *folder, const struct epoch *epoch);

#endif
