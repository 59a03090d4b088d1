/* Small secrets in sealed files, for both daemons: XChaCha20-Poly1305 under a key that lies elsewhere
   (server/http/key_source.h).  A file is replaced whole (temporary file, fsync, rename, fsync of the folder) and what it held before is
   overwritten, as far as the file system lets one. */
#ifndef SERVER_HTTP_SEALED_FILE_H
#define SERVER_HTTP_SEALED_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "server/http/reason.h"

#define SEALING_KEY_BYTES 32
#define SEALED_PLAIN_MAX (1 << 20) /* bytes */

/* Makes FOLDER, mode 0700, unless it is there. */
struct result folder_create(const char *folder, FILE *errors);

/* PURPOSE (zero-ended; it is authenticated with the content, so that one file can't stand in for another) and PLAIN, at most SEALED_PLAIN_MAX
   bytes, into FOLDER/NAME.  Durable when it returns OK. */
struct result sealed_file_write(const char *folder, const char *name, const uint8_t key[SEALING_KEY_BYTES], const char *purpose, const void *plain,
                                size_t size);
/* Into PLAIN (room for SIZE_MAX bytes); *size is what it held.  REASON_NOT_FOUND: no such file; REASON_INTERNAL: cut off, changed, under another
   key or purpose, or unreadable. */
struct result sealed_file_read(const char *folder, const char *name, const uint8_t key[SEALING_KEY_BYTES], const char *purpose, void *plain,
                               size_t size_max, size_t *size);
/* There is one, whatever it holds; also when that can't be told. */
bool sealed_file_exists(const char *folder, const char *name);
/* Overwrites FOLDER/NAME, syncs, unlinks, syncs the folder.  OK if there is none. */
struct result sealed_file_erase(const char *folder, const char *name);

#endif
