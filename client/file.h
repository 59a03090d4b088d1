/* Files of the client: small ones, read and written whole. */
#ifndef CLIENT_FILE_H
#define CLIENT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "include/cleanup.h"

/* Formats a path; false (said on standard error) when it does not fit. */
bool path_make(char *path, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4))) MUST_USE;
/* Makes FOLDER and those above it, with MODE where they are missing.  False is said. */
bool folder_make(const char *folder, mode_t mode) MUST_USE;
/* Makes the folder that a file lies in. */
bool folder_make_for(const char *file, mode_t mode) MUST_USE;
/* Replaces PATH at once (rename), synced to disk.  False is said; the old file then stands. */
bool file_write(const char *path, const void *data, size_t size, mode_t mode) MUST_USE;
/* Moves FROM to the place of TO at once, synced to disk.  False is said. */
bool file_move(const char *from, const char *to) MUST_USE;
/* The whole file, at most MAX bytes, with an ending zero that *size does not count; malloc'ed.  NULL with errno set;
 * says nothing. */
char *file_read(const char *path, size_t max, size_t *size) MUST_USE;
/* An open, exclusively locked file, made if missing; -1 is said.  The lock ends with close(). */
int file_lock(const char *path) MUST_USE;
/* The same without waiting; -1 with errno EWOULDBLOCK when somebody else has it, which is not said. */
int file_try_lock(const char *path) MUST_USE;

#endif
