/* What an agency's machine remembers of a list that it pushed: for each entry its reference as it travels, and a digest of
 * what the row said; and which revision of the gate that is.  So the next push can send the difference.
 *
 * One SQLite file for each list and identity.  It holds no plate, and nothing in it can be tried out without the agency's
 * key for references: keys and contents are digests under a key made of that one (reference_digest_key()), references
 * are sealed, or, where they go in clear, hidden by the caller.
 *
 * A change is written down as a promise before the gate is asked to commit it, and kept after it has; a list that is
 * replaced is written to a second file, which takes the first one's place then.  So a push that is killed at any point
 * leaves both what stood and what was to stand, and the gate says which it is.  One thread at a time.
 */
#ifndef CLIENT_PUSH_STATE_H
#define CLIENT_PUSH_STATE_H

#include <platesieve/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/cleanup.h"

#define PUSH_STATE_CONTENT_BYTES 16
#define PUSH_STATE_REFERENCE_MAX 96
#define PUSH_STATE_EPOCHS_TEXT (LIMIT_EPOCHS_KNOWN * (LIMIT_EPOCH_ID_MAX + PLATESIEVE_TOKEN_TEXT + 2) + 1)

/* Which list that is. */
struct push_state_head {
    uint32_t revision;       /* at the gate */
    uint32_t parts_revision; /* the last one that had parts */
    uint8_t digest[32];      /* over the parts of that one */
    uint32_t changes;        /* revisions with parts since the list was replaced */
    uint64_t entries;
    uint8_t grade;
    bool clear_references;
    char epochs[PUSH_STATE_EPOCHS_TEXT]; /* "<id>=<key id>,...": of which every entry has tokens */
};

/* An entry as it is kept. */
struct push_state_row {
    int64_t key; /* digest of the reference */
    uint8_t content[PUSH_STATE_CONTENT_BYTES];
    size_t reference_size;
    uint8_t reference[PUSH_STATE_REFERENCE_MAX];
};

struct push_state;

/* Opens PATH (with its folder), or makes it; one that is damaged, of another format, or made under another key (CHECK)
 * is thrown away and made anew.  NULL is said. */
struct push_state *push_state_open(const char *path, const uint8_t check[PUSH_STATE_CONTENT_BYTES]) MUST_USE;
void push_state_close(struct push_state *state); /* what was not promised is gone; NULL is fine */

/* What stands, and what was promised.  False: nothing. */
bool push_state_standing(struct push_state *state, struct push_state_head *head) MUST_USE;
bool push_state_promised(struct push_state *state, struct push_state_head *head) MUST_USE;

/* From here on false says that the file can't be used, for a full disk or the like; that has been said. */

/* The standing entry of KEY; *FOUND. */
bool push_state_find(struct push_state *state, int64_t key, bool *found,
                     uint8_t content[PUSH_STATE_CONTENT_BYTES]) MUST_USE;
/* All standing ones, in the order of their keys, until EACH returns false. */
bool push_state_each(struct push_state *state, bool (*each)(void *context, const struct push_state_row *row),
                     void *context) MUST_USE;

/* -- a change ------------------------------------------------------------------------------------------------------ */

bool push_state_put(struct push_state *state, const struct push_state_row *row) MUST_USE;
bool push_state_remove(struct push_state *state, int64_t key) MUST_USE;
/* All that was put and removed since, durably; HEAD (its entries don't count) is what will stand. */
bool push_state_promise(struct push_state *state, const struct push_state_head *head) MUST_USE;
/* The promise is kept, or broken: nothing of it remains. */
bool push_state_keep(struct push_state *state) MUST_USE;
bool push_state_break(struct push_state *state) MUST_USE;

/* -- a list anew --------------------------------------------------------------------------------------------------- */

/* A second file beside PATH, empty; the one that may lie there is gone. */
struct push_state *push_state_anew(const char *path, const uint8_t check[PUSH_STATE_CONTENT_BYTES]) MUST_USE;
/* In any order; no key twice. */
bool push_state_stage(struct push_state *anew, const struct push_state_row *row) MUST_USE;
/* Sorts it, and writes it to disk, with HEAD. */
bool push_state_finish(struct push_state *anew, struct push_state_head *head) MUST_USE;
/* What a second file that lies there says; false: there is none that is whole. */
bool push_state_anew_head(const char *path, const uint8_t check[PUSH_STATE_CONTENT_BYTES],
                          struct push_state_head *head) MUST_USE;
/* Puts it in the place of PATH, which nobody has open; or drops it. */
bool push_state_take(const char *path) MUST_USE;
void push_state_drop(const char *path);

#endif
