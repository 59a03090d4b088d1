/* The file of registered names, in memory: parsing, looking up, changing, printing.  No threads, no I/O.

   An INI file with a section for each name:

       [reader/north/1]
       quota = lane
       since = 2026-11-22T04:37:09.000Z
       by = operator/gate/olga

   All keys are optional; lines beginning with ; or # are comments.  A name of an agency may have `rights = push view`
   (rights.h); without, it has all.  It is parsed here and not with inih because that cuts a section's name off after 49
   bytes, and a name that was cut off is another name; it also passes over a section without keys. */
#ifndef SERVER_HTTP_ROLL_H
#define SERVER_HTTP_ROLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/http/http.h"

struct roll_entry {
    char name[LIMIT_IDENTITY_MAX + 1];
    char quota[LIMIT_NAME_MAX + 1]; /* a profile; never empty */
    char by[LIMIT_IDENTITY_MAX + 1]; /* who registered it: a name, "local/<user>", or empty */
    int64_t since_s;                 /* since 1970; 0: not known */
    unsigned rights;                 /* ORed enum right; 0 where the role has none */
    enum role role;
};

struct roll {
    size_t count;
    struct roll_entry *entries; /* by name, each once; owned */
};

struct roll_problem {
    unsigned line;   /* 0: of the whole file */
    const char *why; /* static */
};

/* The profile of a role when none is given: "lane", "agency" or "none". */
const char *roll_quota_default(enum role role);
/* All rights that a role can have: 0 for all but agencies. */
unsigned roll_rights_default(enum role role);
/* A profile's name: 1 to LIMIT_NAME_MAX of a-z 0-9 - _ . beginning with a letter or digit. */
bool roll_quota_valid(const char *quota);

/* Parses all of TEXT or nothing: names of the forms in peer.c, of one of ROLES (ORed), at most LIMIT_REGISTERED, each
   once; nothing unknown; a line's end at the end.  The caller roll_clear()s in any case. */
bool roll_parse(const char *text, size_t size, unsigned roles, struct roll *roll, struct roll_problem *problem);
void roll_clear(struct roll *roll);

/* NULL when NAME, the whole of it, is not there. */
const struct roll_entry *roll_find(const struct roll *roll, const char *name);
/* Adds ENTRY or replaces the one of its name.  REASON_TOO_MANY at the limit, REASON_BUSY without memory. */
struct result roll_put(struct roll *roll, const struct roll_entry *entry);
/* False when it was not there. */
bool roll_remove(struct roll *roll, const char *name);
/* How many are of one of ROLES. */
size_t roll_count(const struct roll *roll, unsigned roles);

/* The file's text (malloc'ed), or NULL without memory. */
char *roll_print(const struct roll *roll, size_t *size);

#endif
