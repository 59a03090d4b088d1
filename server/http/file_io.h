/* Reading and writing a file descriptor to the end, for the small files that hold secrets. */
#ifndef SERVER_HTTP_FILE_IO_H
#define SERVER_HTTP_FILE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* For CLEANUP(); a negative one is left alone. */
void file_close(const int *fd);
bool file_write_all(int fd, const uint8_t *bytes, size_t size);
/* At most SIZE_MAX bytes; -1 on an error, or when there are more.  What was read lies in BYTES either way. */
ssize_t file_read_all(int fd, uint8_t *bytes, size_t size_max);
/* Locks FD for this open file alone.  Waits a little: a daemon that was killed holds its locks until the last of its threads has ended.  False
   with errno EWOULDBLOCK: somebody else has it. */
bool file_lock(int fd);

#endif
