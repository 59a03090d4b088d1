/* The quota book's file: one record for each name, mapped and shared, so that a killed process loses nothing.

   Layout: a page with the head, then a hash table of LIMIT_QUOTA_RECORDS records, each at the first free place from its own on;
   nothing is ever taken out, but a record of a name that was not used since the day before yesterday gives way when the
   table is full.  Written whole when it is made, so that no later store finds the disk full.  The machine's own byte
   order. */
#ifndef SERVER_HTTP_QUOTA_FILE_H
#define SERVER_HTTP_QUOTA_FILE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "server/http/quota_profile.h"
#include "server/http/reason.h"

#define QUOTA_NO_PROFILE 255 /* none was charged since the start */

struct quota_record {
    _Alignas(64) atomic_uint_least64_t spent[QUOTA_WINDOWS][QUOTA_COUNTERS]; /* quota_word.h */
    atomic_uint_least64_t refused; /* requests, by the day */
    atomic_uint_least32_t hash;    /* of the name; 0: free.  Stored last */
    uint32_t alarmed_day;          /* the watch's alone */
    _Alignas(64) char name[LIMIT_IDENTITY_MAX + 1];
    atomic_uint_least8_t profile; /* charged last */
};

struct quota_file {
    int fd;
    void *map;
    struct quota_record *records; /* LIMIT_QUOTA_RECORDS */
    pthread_mutex_t lock;         /* over taking a place */
};

/* Opens FOLDER/quota, or makes it (mode 0600); one process at a time.  TODAY is the day since 1970.  What is not ours, of
   another version or cut off is refused and left as it is: FAIL(REASON_SETTINGS), said on ERRORS.  A record whose name
   can be read and whose numbers can't be true counts as spent for today; one without a name is dropped; both are said on
   the log. */
struct result quota_file_open(const char *folder, enum quota_side side, uint64_t today, FILE *errors,
                              struct quota_file *file);
void quota_file_close(struct quota_file *file);
/* To the disk, now.  False when it did not take it. */
bool quota_file_sync(struct quota_file *file);

/* The record of NAME; made when there is none.  NULL: all are taken by names of today and yesterday.  Any thread, without
   a lock where the record is there. */
struct quota_record *quota_file_record(struct quota_file *file, const char *name, uint64_t today);
/* NULL when there is none. */
struct quota_record *quota_file_find(struct quota_file *file, const char *name);
static inline bool quota_record_used(const struct quota_record *record)
{
    return atomic_load_explicit(&record->hash, memory_order_acquire) != 0;
}

#endif
