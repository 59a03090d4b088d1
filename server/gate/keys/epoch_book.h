/* The epochs that a gate knows and that are not destroyed, and what it has for each.  No I/O and no clock of its
   own: time is passed. */
#ifndef SERVER_GATE_KEYS_EPOCH_BOOK_H
#define SERVER_GATE_KEYS_EPOCH_BOOK_H

#include "server/gate/index/catalogue.h"
#include "server/gate/keys/answer.h"

#define ENTRY_BITS_BYTES (LIMIT_ENTRIES / 8) /* a page counts when it is touched */

struct booked_epoch {
    struct keys_epoch known;
    struct index *index;             /* NULL: not made (yet, or for want of memory or a pepper) */
    struct platesieve_pepper *pepper;
    uint8_t *has;                    /* bit by number of an entry: a slot of it is in the index.  ENTRY_BITS_BYTES of address space */
    bool lost;                       /* its pepper can't be made any more: it is of no use to this gate */
    uint8_t weak[LIMIT_LISTS / 8]; /* bit per list, by position: some of its slots here are of a stronger grade than it wants by now */
    bool prepared;                   /* the database has room for its slots */
    bool clashes;                    /* the database knows another epoch by this number */
    bool loaded;                     /* its slots are in the index, as far as the lists' version goes */
    bool moved;                      /* its times are not those that were told first; for the log */
    bool told_open;                  /* the log has it, or it was open at the start */
    int64_t retry_ms;                /* before that, don't ask the database again */
};

struct epoch_book {
    size_t count;
    struct booked_epoch epochs[LIMIT_EPOCHS_KNOWN]; /* by number, rising */
    bool other_key;                  /* a key server said another key, id or opening for an epoch that is known: the
                                        first stays */
    bool full;                       /* there was no room for an epoch */
};

/* Takes in what the key server said at NOW_MS: new epochs, and other times for closing and destroying; one that it
   calls destroyed ends now, also when it knows it under another key: then it has none for ours.  An epoch that it does
   not name stays.  True when anything changed. */
bool epoch_book_merge(struct epoch_book *book, const struct keys_answer *answer, int64_t now_ms);

/* Moves the first epoch whose time is over at NOW_MS out of the book, to *OVER; false when there is none. */
bool epoch_book_take_over(struct epoch_book *book, int64_t now_ms, struct booked_epoch *over);

/* The lowest number that a pepper is still wanted for; false for an empty book. */
bool epoch_book_lowest(const struct epoch_book *book, uint64_t *number);

/* A check can be made under it. */
static inline bool epoch_usable(const struct booked_epoch *epoch)
{
    return epoch->index != NULL && !epoch->clashes;
}

/* In the form of the key server's answer, for the file. */
void epoch_book_answer(const struct epoch_book *book, struct keys_answer *answer);

#endif
