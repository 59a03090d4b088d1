/* The only door to PostgreSQL.  One function is one statement or one transaction; libpq stays behind it.
 *
 * struct db is a pool of connections of one role: `platesieve_gate` (reads all lists, writes hits and list rows) or `platesieve_agency`
 * (what agencies and operators ask, under row-level security).  Calls may come from any thread; a call takes a connection from the pool,
 * waits at most for `wait_ms`, and reconnects when the old one is dead.  Everything fails with REASON_DATABASE when the database is
 * away, times out, or answers what it should not.
 */
#ifndef SERVER_GATE_DB_DB_H
#define SERVER_GATE_DB_DB_H

#include <platesieve/platesieve.h>

#include "server/gate/check/sighting.h"
#include "server/gate/db/sums.h"
#include "server/gate/lists/rules.h"
#include "server/http/reason.h"

struct db;

struct result db_open(const char *conninfo, const char *application_name, unsigned connections, unsigned wait_ms, struct db **db);
void db_close(struct db *db);
bool db_up(const struct db *db);              /* what the last call saw; no I/O */
struct result db_ping(struct db *db);
/* KEY: 32 bytes, the gates' MAC key; what is made of it lies in locked memory.  Tags, and digests of parts, are made of tokens: whoever holds an
   epoch's key could try plates against them; so both are stored under it.  And what gates make of a list is sealed with it (db/seal.h).  Once, before
   any other use of DB; without it no list can be made, and no part be stored, shown or loaded (REASON_INTERNAL). */
struct result db_seal_with(struct db *db, const uint8_t key[32]);
/* Gives the database what it checks with whose transaction one is (made of the key of db_seal_with; the pool of platesieve_agency proves with the
   same): before the first use of that pool, and now and then, for a database that was restored.  *CHANGED: it had another, or none.  Role platesieve_gate. */
struct result db_fence_give(struct db *db, bool *changed);
/* Is the state of a list that the database shows, its row's EDITION with MAC, older than one that was served, or a fork of it?  Asked before
   anything is built on it; from any thread. */
struct db_served {
    bool (*older)(void *context, const char *agency, const char *list, uint64_t edition, const uint8_t mac[LIST_MAC_BYTES]);
    void *context;
};
/* Borrowed; once, before any other use of DB.  Without it nothing is older. */
void db_served_with(struct db *db, const struct db_served *served);
/* OK, or REASON_DATABASE (away), or REASON_INTERNAL: a schema that this program does not know. */
struct result db_schema_check(struct db *db);

/* -- lists (db/lists.c; role platesieve_agency, under the agency's row-level security) ----------------------------------------------- */

struct db_request { /* rules that wait for the second person */
    uint32_t number; /* 0: none waits */
    char asked_by[LIMIT_IDENTITY_MAX + 1];
    int64_t asked_ms, expires_ms;
    struct list_rules rules;
};

enum db_refusal { DB_REFUSED_NONE, DB_REFUSED_SHRINKS, DB_REFUSED_GROWS, DB_REFUSED_CAP };

struct db_list {
    uint32_t number;
    char id[LIMIT_NAME_MAX + 1], agency[LIMIT_NAME_MAX + 1];
    union { /* the rules, each under its own name or together */
        struct { LIST_RULES; };
        struct list_rules rules;
    };
    uint32_t rules_version; /* moves on with every change of the rules */
    uint32_t revision;
    bool suspended, has_header;
    uint8_t header_id[32]; /* of the header in force */
    bool approved;          /* false: covert or near, and no second person has approved it yet */
    uint64_t cap_tokens, entries;
    int64_t committed_ms; /* 0: never */
    char asked_by[LIMIT_IDENTITY_MAX + 1], approved_by[LIMIT_IDENTITY_MAX + 1]; /* of the last change that took two people; "" */
    int64_t approved_ms;
    char suspended_by[LIMIT_IDENTITY_MAX + 1], suspended_why[LIMIT_REASON_MAX + 1];
    int64_t suspended_ms, resumed_ms; /* 0: not; never */
    enum db_refusal refused; /* of the last commit, unless one was accepted since */
    char refused_by[LIMIT_IDENTITY_MAX + 1];
    int64_t refused_ms;
    uint64_t refused_from, refused_to; /* entries */
    size_t epoch_count;   /* epochs that the list has been given tokens for */
    struct { char id[LIMIT_EPOCH_ID_MAX + 1]; int64_t opens_ms; bool covered; } epochs[LIMIT_EPOCHS_KNOWN];
};

typedef void (*db_list_fn)(void *context, const struct db_list *list);

/* Creates the list, and the agency when it is new.  One that takes two people is not in force: it waits for the second.  REASON_LIST_EXISTS,
   REASON_TOO_MANY. */
struct result db_list_create(struct db *db, const char *agency, struct db_list *list /* in and out */, const char *who,
                             const struct list_limits *limits);
/* REASON_NOT_FOUND. */
struct result db_list_get(struct db *db, const char *agency, const char *id, struct db_list *list);
/* What waits on that list; number 0 when nothing does. */
struct result db_request_get(struct db *db, const char *agency, const char *id, struct db_request *request);
/* AGENCY NULL: of all agencies (operators, auditors). */
struct result db_list_each(struct db *db, const char *agency, db_list_fn each, void *context);

/* -- headers of lists (db/headers.c) -------------------------------------------------------------------------------------------------- */

#define DB_HEADER_ID_BYTES 32
struct db_header {
    uint8_t id[DB_HEADER_ID_BYTES]; /* SHA-256 of der */
    uint64_t serial;
    int64_t expires_ms;
    const uint8_t *der;
    size_t size;
};
/* Puts HEADER in the place of what stands; NULL: takes away what stands.  Of the one that stands: OK again.  REASON_NOT_FOUND, REASON_SERIAL
   (not above all that the list ever had). */
struct result db_header_put(struct db *db, const char *agency, const char *list, const struct db_header *header, const char *who);
/* The one in force; *DER (NULL before) is to be freed.  REASON_NOT_FOUND. */
struct result db_header_get(struct db *db, const char *agency, const char *list, uint8_t **der, size_t *size);
/* Any that was in force in the last two days, by its id.  Role platesieve_gate. */
struct result db_header_by_id(struct db *db, const uint8_t id[DB_HEADER_ID_BYTES], uint8_t **der, size_t *size);

/* -- a list's rules (db/rules.c; role platesieve_agency) ------------------------------------------------------------------------------- */

/* A change of the rules of one list, within one transaction that holds its row. */
struct db_rules_change {
    const char *agency, *id, *who;
    uint32_t version;                  /* of the rules that it is about */
    const struct list_patch *patch;
    const struct list_limits *limits;
    /* out */
    struct list_rules before, after;
    bool waits;                        /* nothing has changed: it waits for the second person */
    struct db_list list;
};
/* Changes the rules, or asks for the change where it takes two people; in both cases a change that waited is dropped.  A weaker grade leaves no epoch
   whole.  REASON_RULES (another version), REASON_ENDS, REASON_NOT_FOUND, REASON_FORGED. */
struct result db_rules_change(struct db *db, struct db_rules_change *change);
/* The second person's word: what waits under NUMBER comes into force.  REASON_NOT_FOUND (nothing waits), REASON_RULES (something else waits, or the rules
   were changed meanwhile), REASON_SAME_PERSON. */
struct result db_rules_approve(struct db *db, const char *agency, const char *id, uint32_t number, const char *who, struct db_list *list);
/* Nobody will approve what waits.  REASON_NOT_FOUND. */
struct result db_rules_refuse(struct db *db, const char *agency, const char *id);
/* Notes on the list that WHO's commit was refused; gates are told at most every few seconds. */
struct result db_list_note_refused(struct db *db, const char *agency, const char *id, const char *who, enum db_refusal why, uint64_t from,
                                   uint64_t to);

/* -- what operators say of lists (db/oversight.c; role platesieve_gate) ---------------------------------------------------------------- */

/* REASON_NOT_FOUND.  A cap below what the list holds takes nothing away from it; the next commit has to keep to it. */
struct result db_list_cap(struct db *db, const char *agency, const char *id, uint64_t tokens);
/* No gate asks the list any more, until it is resumed.  One that is suspended keeps who, when and why: *CHANGED is false. */
struct result db_list_suspend(struct db *db, const char *agency, const char *id, const char *by, const char *why, bool *changed);
struct result db_list_resume(struct db *db, const char *agency, const char *id, bool *changed);

/* -- revisions (db/revisions.c) ------------------------------------------------------------------------------------------------------- */

enum revision_mode { REVISION_REPLACE, REVISION_CHANGE, REVISION_TOKENS };
enum revision_state { REVISION_OPEN, REVISION_COMMITTED };

struct db_part {
    uint32_t number, lines;
    uint8_t sha256[32];
};

struct db_revision {
    uint32_t segment, revision, base;
    enum revision_mode mode;
    enum revision_state state;
    size_t part_count;
    struct db_part *parts; /* by number; malloc'ed */
};
void db_revision_free(struct db_revision *revision);

/* REASON_BASE, REASON_NOT_FOUND, REASON_TOO_MANY. */
struct result db_revision_open(struct db *db, const char *agency, const char *list, uint32_t base, enum revision_mode mode, const char *who,
                               struct db_revision *revision);
struct result db_revision_get(struct db *db, const char *agency, const char *list, uint32_t revision, struct db_revision *out);
struct result db_revision_drop(struct db *db, const char *agency, const char *list, uint32_t revision);

/* A part, parsed and peppered: tokens are gone, slots remain. */
enum part_op { PART_ADD, PART_REMOVE, PART_TOKENS };
struct part_entry {
    enum part_op op;
    uint64_t key;         /* entry_key() */
    uint32_t effective, expires;
    char reference[LIMIT_REFERENCE_MAX + 1];
    uint32_t epochs;      /* bit i: has tokens for epochs[i] of the part */
};
struct part_slot {
    uint8_t slot[PLATESIEVE_SLOT_BYTES];
    uint8_t tag[PLATESIEVE_TAG_BYTES];
    uint32_t entry;       /* position in entries */
    uint8_t epoch;        /* position in epochs */
    uint8_t grade;
};
struct part {
    uint32_t number;
    uint8_t sha256[32];   /* of the body */
    size_t epoch_count;
    struct { char id[LIMIT_EPOCH_ID_MAX + 1]; uint64_t number; } epochs[LIMIT_ENTRY_EPOCHS];
    size_t entry_count, slot_count;
    struct part_entry *entries;
    struct part_slot *slots; /* those of an entry lie together, in the order of entries */
};
/* Stores PART, or does nothing if it stands with the same digest; replaces it if it stands with another.  REASON_NOT_FOUND,
   REASON_COMMITTED, REASON_BASE (another revision was committed meanwhile), REASON_LINE (an operation that the revision's mode does not
   have, or an entry without tokens of a grade that the list wants), REASON_DUPLICATE_REFERENCE (within the part), REASON_CAP (as early as it shows). */
struct result db_part_put(struct db *db, const char *agency, const char *list, uint32_t revision, const struct part *part);

struct db_commit {
    uint32_t parts;
    uint64_t entries;
    uint8_t sha256[32];
    uint64_t near_entries_max; /* cap of entries with `near` tokens */
    struct list_guard guard;
    bool override;             /* of the guard; never of a cap */
    /* out, with REASON_GUARD and when it was overridden */
    enum db_refusal refused;
    uint64_t from, to;         /* entries that stand, and that would */
};
/* Makes the revision the list's own and moves the lists' head, in one transaction.  REASON_BASE, REASON_PARTS, REASON_CAP, REASON_GUARD,
   REASON_DUPLICATE_REFERENCE, REASON_UNKNOWN_REFERENCE, REASON_NOT_FOUND, REASON_GONE (it has tokens, and none for an epoch that is not
   closed yet); the old revision stays.  Of a committed revision: OK again. */
struct result db_revision_commit(struct db *db, const char *agency, const char *list, uint32_t revision, struct db_commit *commit,
                                 const char *who, struct db_list *out);

/* -- hits (db/hits.c) -------------------------------------------------------------------------------------------------------------------- */

/* What an agency found when it looked; numbers are those of the database. */
enum verdict { VERDICT_NONE, VERDICT_CONFIRMED, VERDICT_MISREAD, VERDICT_WRONG_JURISDICTION, VERDICT_STALE_ENTRY, VERDICTS };

/* What the lane says of a hit; its own clock's times, 0: it said nothing. */
struct lane_word {
    enum verdict judgement;
    int64_t judged_ms, acknowledged_ms;
};

struct db_hit {
    uint8_t id[PLATESIEVE_HIT_ID_BYTES];
    char list[LIMIT_NAME_MAX + 1], reference[LIMIT_REFERENCE_MAX + 1], site[LIMIT_NAME_MAX + 1], lane[LIMIT_NAME_MAX + 1];
    int64_t seen_ms, recorded_ms, last_seen_ms;
    uint8_t grade, candidate;
    float confidence;
    uint32_t revision, age_s;
    uint64_t entry, count, cursor;
    bool verify, covert;
    uint8_t evidence;     /* sealed pictures */
    enum verdict verdict; /* of a misread only id, list, count, cursor and this are told */
    int64_t verdict_ms;   /* 0: none was given */
    char verdict_by[LIMIT_IDENTITY_MAX + 1], action[LIMIT_ACTION_MAX + 1];
    struct lane_word lane_says;
    char shared_by[LIMIT_NAME_MAX + 1]; /* the agency whose hit it is; "": the reader's own */
};
typedef void (*db_hit_fn)(void *context, const struct db_hit *hit);

/* What is wanted of an agency's hits; begin with db_hit_filter_all. */
struct db_hit_filter {
    char list[LIMIT_NAME_MAX + 1], site[LIMIT_NAME_MAX + 1], lane[LIMIT_NAME_MAX + 1]; /* "": any */
    uint8_t grade;              /* the weakest */
    int8_t covert;              /* 1, 0; -1: either */
    int8_t verdict;             /* enum verdict; -1: any */
    int8_t lane_judgement;      /* the same of the lane's; VERDICTS: those that it acknowledged */
    bool has_entry;             /* then `list` is there, too */
    uint64_t entry;             /* entry_key() */
    int64_t since_ms, until_ms; /* seen_at: from the first, before the second */
};
extern const struct db_hit_filter db_hit_filter_all;

/* A page of an agency's feed.  A call looks at LIMIT_HITS_EXAMINED places of the feed at most, so a page may hold fewer hits than LIMIT, or
   none, and there are more all the same. */
struct db_page {
    uint64_t after;  /* in: the cursor of the page before; 0: from the beginning */
    unsigned limit;  /* in */
    uint64_t cursor; /* out: where the next page begins: all up to there was given or does not match */
    uint64_t head;   /* out: the agency's newest cursor */
    bool more;       /* out: cursor < head */
};
/* Hits of one agency after a cursor, in order of their cursors, which is the order in which they were committed: a row-locked counter gives
   them, so none is ever skipped.  REASON_CURSOR: no hit of this agency has had that cursor yet.  Role platesieve_agency. */
struct result db_hits_after(struct db *db, const char *agency, const struct db_hit_filter *filter, struct db_page *page, db_hit_fn each,
                            void *context);
/* The newest cursor of AGENCY's feed; 0: it has had no hit.  Role platesieve_agency. */
struct result db_feed_head(struct db *db, const char *agency, uint64_t *head);
/* The newest cursor of each agency.  Role platesieve_gate. */
typedef void (*db_head_fn)(void *context, const char *agency, uint64_t head);
struct result db_feed_heads(struct db *db, db_head_fn each, void *context);
/* One hit of AGENCY by its id; REASON_NOT_FOUND, REASON_ERASED (HIT is filled all the same).  Role platesieve_agency. */
struct result db_hit_get(struct db *db, const char *agency, const uint8_t id[PLATESIEVE_HIT_ID_BYTES], struct db_hit *hit);
/* Stores sightings in one transaction: new hits, raised counts, merges of hits of gates that did not know of each other; one that stands
   already changes nothing.  STORED, COUNT of them, says what became of each.  When it fails *perhaps says that they may be there all the same: the answer to the commit
   was lost.  Role platesieve_gate. */
struct result db_sightings_store(struct db *db, const struct sighting *sightings, size_t count, enum sighting_stored *stored, bool *perhaps);
/* Hits begun since SINCE_MS, as sightings, to rebuild the cooldown.  Role platesieve_gate. */
struct result db_hits_recent(struct db *db, int64_t since_ms, void (*each)(void *context, const struct sighting *sighting), void *context);

/* -- the lane's word (db/lane_word.c) -------------------------------------------------------------------------------------------------------- */

struct db_lane_said {
    const uint8_t *hit;     /* the id in the alert: of the hit, or of a read that is counted on it */
    const char *site, *lane;
    enum verdict judgement; /* VERDICT_NONE: an acknowledgement */
    int64_t at_ms;
};
/* Takes the word of the lane whose hit it is.  STANDS is what the hit has then: its first acknowledgement, its latest judgement.  What changes nothing
   may come again.  REASON_NOT_FOUND (none of this lane, covert, erased, gone, or not stored yet), REASON_LATE (LIMIT_LANE_WORD_AGE_S),
   REASON_TOO_MANY (LIMIT_LANE_WORDS).  Role platesieve_gate. */
struct result db_lane_judge(struct db *db, const struct db_lane_said *said, struct lane_word *stands);

/* -- verdicts (db/verdicts.c) --------------------------------------------------------------------------------------------------------------- */

/* Says what AGENCY's hit turned out to be, by WHO, with the ACTION that was taken; the same again changes nothing, another takes its place.
   With VERDICT_MISREAD what the hit says is erased from every table in the same transaction, and that stays: REASON_ERASED for any other.
   REASON_NOT_FOUND; REASON_NOT_YOURS: it is shared with AGENCY, without the right to say that.  Confirmed, it gets its place in the feeds of those
   who see only such.  Role platesieve_gate. */
struct result db_verdict_put(struct db *db, const char *agency, const char *who, const uint8_t id[PLATESIEVE_HIT_ID_BYTES],
                             enum verdict verdict, const char *action);

/* What they say of lists and entries; role platesieve_agency. */
#define DB_FLAG_SHARE_FROM 4 /* verdicts on an entry before a share of them means anything */
struct db_flag_rule {
    uint64_t from;          /* an entry is flagged from so many false alarms on (misread, wrong jurisdiction, stale) ... */
    uint64_t share_percent; /* ... or from such a share of its verdicts */
};
/* How many entries of each list of AGENCY are flagged; lists without any are left out. */
struct result db_flag_counts(struct db *db, const char *agency, const struct db_flag_rule *rule,
                             void (*each)(void *context, const char *list, uint64_t count), void *context);
struct db_flag { /* one flagged entry at one lane */
    char reference[LIMIT_REFERENCE_MAX + 1], site[LIMIT_NAME_MAX + 1], lane[LIMIT_NAME_MAX + 1];
    uint64_t verdicts[VERDICTS];
};
/* Flagged entries of AGENCY's list number LIST, the worst first; the lanes of one come one after the other.  At most LIMIT_FLAGS entries. */
struct result db_flags_each(struct db *db, const char *agency, uint32_t list, const struct db_flag_rule *rule,
                            void (*each)(void *context, const struct db_flag *flag), void *context);
struct db_list_counts { /* since the list was made, or for five years */
    uint64_t hits, reads, verdicts[VERDICTS], corrected;
};
/* Of AGENCY's list number LIST, by the grade that matched. */
struct result db_list_counts(struct db *db, const char *agency, uint32_t list, struct db_list_counts counts[PLATESIEVE_GRADES]);

/* -- sharing (db/sharing.c) ------------------------------------------------------------------------------------------------------------------- */

struct db_share {
    char owner[LIMIT_NAME_MAX + 1], list[LIMIT_NAME_MAX + 1], partner[LIMIT_NAME_MAX + 1], note[LIMIT_NOTE_MAX + 1];
    int64_t from_ms, until_ms, changed_ms, revoked_ms; /* revoked_ms 0: it was not */
    bool only_confirmed, verdicts, covert;
    char changed_by[LIMIT_IDENTITY_MAX + 1];
};
/* Shares the owner's list with the partner (all but covert, changed, revoked is the caller's), or changes the share that stands; one that has begun
   keeps its beginning.  REASON_NOT_FOUND, REASON_TOO_MANY.  Role platesieve_gate. */
struct result db_share_put(struct db *db, const struct db_share *share);
/* REASON_NOT_FOUND: none is in force or to come.  Role platesieve_gate. */
struct result db_share_revoke(struct db *db, const char *owner, const char *who, const char *list, const char *partner);
/* Shares that AGENCY gave or received, those that ended within three months too; at most LIMIT_SHARES_SHOWN.  Role platesieve_agency. */
struct result db_shares_each(struct db *db, const char *agency, void (*each)(void *context, const struct db_share *share), void *context);

/* -- suppressions (db/suppressions.c) --------------------------------------------------------------------------------------------------------- */

struct db_suppression {
    uint32_t number;
    char reference[LIMIT_REFERENCE_MAX + 1], site[LIMIT_NAME_MAX + 1], lane[LIMIT_NAME_MAX + 1]; /* reference: as it was pushed */
    int64_t until_ms, created_ms;
    uint64_t matches; /* that made no hit */
    char created_by[LIMIT_IDENTITY_MAX + 1];
};
/* Suppresses an entry of AGENCY's LIST at a lane until then (reference, site, lane, until_ms; the rest is filled in), or changes until when.
   REASON_NOT_FOUND, REASON_UNKNOWN_REFERENCE (no such entry stands), REASON_TOO_MANY.  Role platesieve_gate. */
struct result db_suppression_put(struct db *db, const char *agency, const char *list, const char *who, struct db_suppression *suppression);
/* REASON_NOT_FOUND.  Role platesieve_gate. */
struct result db_suppression_drop(struct db *db, const char *agency, const char *list, uint32_t number);
/* Those of AGENCY's list number LIST, the ended ones of the last month too.  Role platesieve_agency. */
struct result db_suppressions_each(struct db *db, const char *agency, uint32_t list,
                                   void (*each)(void *context, const struct db_suppression *suppression), void *context);

/* -- what was dropped (db/retention.c) ------------------------------------------------------------------------------------------------- */

#define DB_OVERDUE_MAX 32

struct db_retention {
    const char *agency;      /* in: whose lists; NULL: of all agencies */
    bool own;                /* in: AGENCY itself asks; else an overseer */
    bool covert;             /* in: with covert lists */
    int64_t from_ms, to_ms;  /* in: beginnings of the first and the last day (UTC) on which something had to be gone */
    int64_t next_ms;         /* out: there is more, from this day on; 0: there is not */
    size_t overdue_count;    /* out: days that are over and not dropped yet, the oldest first */
    int64_t overdue_ms[DB_OVERDUE_MAX];
};

struct db_dropped {
    int64_t day_ms;          /* at whose beginning it had to be gone */
    char agency[LIMIT_NAME_MAX + 1], list[LIMIT_NAME_MAX + 1];
    int64_t dropped_ms;
    uint64_t hits, reads, evidence, other; /* other: rows of what else hung on the hits */
};
typedef void (*db_dropped_fn)(void *context, const struct db_dropped *dropped);
/* By day, agency and list; whole days, at least one.  Role platesieve_agency. */
struct result db_dropped_each(struct db *db, struct db_retention *asked, db_dropped_fn each, void *context);

#endif
