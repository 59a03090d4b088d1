#include "server/http/roll.h"

#include "server/http/clock.h"
#include "server/http/rights.h"

static const char head[] = "; The names that this daemon admits, whoever signed their certificates.  Written by the "
                           "daemon for its operators and by\n; its command `register`; read again when it changes.  "
                           "Comments don't outlive the next change.\n";

_Static_assert(LIMIT_REGISTERED *(2 * LIMIT_IDENTITY_MAX + LIMIT_NAME_MAX + RIGHTS_TEXT_SIZE + 80) + sizeof head <= LIMIT_REGISTRY_BYTES,
               "a full roll fits into its file");

const char *roll_quota_default(enum role role)
{
    if (role == ROLE_READER) return "lane";
    return role == ROLE_AGENCY ? "agency" : "none";
}

unsigned roll_rights_default(enum role role)
{
    return role == ROLE_AGENCY ? RIGHTS_ALL : 0;
}

bool roll_quota_valid(const char *quota)
{
    size_t size = strlen(quota);
    if (size == 0 || size > LIMIT_NAME_MAX || strspn(quota, "-_.") > 0) return false;
    return strspn(quota, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == size;
}

void roll_clear(struct roll *roll)
{
    free(roll->entries);
    *roll = (struct roll){ 0 };
}

/* -- looking up and changing ------------------------------------------------------------------- */

/* Where NAME is, or would be. */
static size_t place_of(const struct roll *roll, const char *name, bool *there)
{
    size_t low = 0, high = roll->count;
    *there = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(roll->entries[middle].name, name);
        if (order == 0) {
            *there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct roll_entry *roll_find(const struct roll *roll, const char *name)
{
    bool there;
    size_t place = place_of(roll, name, &there);
    return there ? &roll->entries[place] : NULL;
}

#define ROOM_STEP 64 /* entries that room grows by */

struct result roll_put(struct roll *roll, const struct roll_entry *entry)
{
    bool there;
    size_t place = place_of(roll, entry->name, &there);
    if (!there) {
        if (roll->count == LIMIT_REGISTERED) return FAIL(REASON_TOO_MANY);
        if (roll->count % ROOM_STEP == 0) {
            struct roll_entry *more = realloc(roll->entries, (roll->count + ROOM_STEP) * sizeof *more);
            if (more == NULL) return FAIL(REASON_BUSY);
            roll->entries = more;
        }
        memmove(&roll->entries[place + 1], &roll->entries[place], (roll->count - place) * sizeof *entry);
        roll->count++;
    }
    roll->entries[place] = *entry;
    return OK;
}

bool roll_remove(struct roll *roll, const char *name)
{
    bool there;
    size_t place = place_of(roll, name, &there);
    if (!there) return false;
    roll->count--;
    memmove(&roll->entries[place], &roll->entries[place + 1], (roll->count - place) * sizeof *roll->entries);
    return true;
}

size_t roll_count(const struct roll *roll, unsigned roles)
{
    size_t count = 0;
    for (size_t i = 0; i < roll->count; i++) count += (roll->entries[i].role & roles) != 0;
    return count;
}

/* -- printing ---------------------------------------------------------------------------------- */

static void print_entry(FILE *out, const struct roll_entry *entry)
{
    char since[TIME_TEXT_SIZE], rights[RIGHTS_TEXT_SIZE];
    fprintf(out, "\n[%s]\n", entry->name);
    if (strcmp(entry->quota, roll_quota_default(entry->role)) != 0) fprintf(out, "quota = %s\n", entry->quota);
    if (entry->rights != roll_rights_default(entry->role))
        fprintf(out, "rights = %s\n", rights_print(entry->rights, ' ', rights));
    if (entry->since_s > 0) {
        time_format(entry->since_s * 1000, since);
        fprintf(out, "since = %s\n", since);
    }
    if (*entry->by != 0) fprintf(out, "by = %s\n", entry->by);
}

char *roll_print(const struct roll *roll, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (out == NULL) return NULL;
    fputs(head, out);
    for (size_t i = 0; i < roll->count; i++) print_entry(out, &roll->entries[i]);
    bool good = ferror(out) == 0;
    if (fclose(out) == 0 && good) return text;
    free(text);
    return NULL;
}
