/* Whom a daemon admits: the names that its own operator registered, whoever signed their certificates.

   The truth is a file (roll.h), which the daemon looks at four times a second: so a name is admitted or refused within
   half a second of a change, on open connections too.  A file that is broken or gone is an alarm, and who was registered
   stays so. */
#ifndef SERVER_HTTP_REGISTRY_H
#define SERVER_HTTP_REGISTRY_H

#include <jansson.h>

#include "server/http/roll_file.h"

struct registry;

/* What a request is handed of its peer's registration. */
struct registration {
    char quota[LIMIT_NAME_MAX + 1]; /* a profile; never empty */
    int64_t since_s;                /* since 1970; 0: not known */
    unsigned rights;                /* of an agency's identity; 0 for others */
};

/* Loads FILE, which must be there; ROLES (ORed) may be registered, see http_routes_roles().  REASON_SETTINGS, said on
   the log. */
struct result registry_create(const char *file, unsigned roles, struct registry **registry);
void registry_destroy(struct registry *registry); /* NULL is fine */

/* Loads the file again if it changed; a change in place only when the file has been still for a call, as somebody may be
   writing.  One thread. */
void registry_poll(struct registry *registry);

/* Grows when somebody may have come or gone; costs a load.  What was found under an earlier one must be looked up again.
   Any thread. */
uint64_t registry_generation(const struct registry *registry);

/* Is NAME, all of it ("reader/north/1"), registered?  OUT is filled then.  Any thread. */
bool registry_find(struct registry *registry, const char *name, struct registration *out);

struct registry_state {
    size_t count;
    bool broken; /* the file can't be read, or not be understood: the last good one is in force */
};
void registry_state(struct registry *registry, struct registry_state *state);
/* The same for /v1/status. */
json_t *registry_state_json(struct registry *registry);

/* Registers ENTRY, or changes its quota, rights and `by`; an empty quota: that of the role, or the one that it has; no
   rights: all that its role has, or those that it has.  ENTRY is filled in; *fresh: it was not there.  It is on the disk, and in force here, when this returns.  Blocks; any thread.
   REASON_TOO_MANY, REASON_BUSY, REASON_REGISTRY. */
struct result registry_put(struct registry *registry, struct roll_entry *entry, bool *fresh);
/* Removes NAME.  REASON_NOT_FOUND; REASON_LAST_OPERATOR when it is the last one of KEEP (ORed roles). */
struct result registry_remove(struct registry *registry, const char *name, unsigned keep);

/* Calls EACH for every registered name, in order, on a copy.  False without memory. */
bool registry_each(struct registry *registry, void (*each)(void *context, const struct roll_entry *entry),
                   void *context);

unsigned registry_roles(const struct registry *registry);

#endif
