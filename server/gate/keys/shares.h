/* What several key servers tell, made into one answer.  Where they share an epoch's key, each tells a public share; the
   shares must lie on one line, and the line gives the public key (docs/protocol.md, "Two of three").  What is in the
   book is pinned: it says who lies, and whoever does is not believed about other epochs either.  No I/O. */
#ifndef SERVER_GATE_KEYS_SHARES_H
#define SERVER_GATE_KEYS_SHARES_H

#include "server/gate/keys/epoch_book.h"

#define KEYS_SERVERS_MAX 16
#define KEYS_CLOCK_APART_MS 30000 /* further from this gate's clock than that is a key server's clock wrong */

struct keys_told {
    size_t count;    /* servers, in the order of the settings */
    bool remembered; /* the first `answer` is what this gate knew when it was stopped, and no server's */
    struct {
        bool answered;
        int64_t heard_ms; /* this gate's clock then; 0: the clocks are not compared */
        struct keys_answer answer;
    } servers[KEYS_SERVERS_MAX];
};

enum keys_fault {
    KEYS_FINE = 0,
    KEYS_WRONG_SHARE,    /* its share does not belong to the key */
    KEYS_OTHER_CALENDAR, /* number, times or clock are not those of the others */
    KEYS_WHOLE_KEY,      /* it names a key of its own where keys are shared */
};

struct keys_report {
    enum keys_fault faults[KEYS_SERVERS_MAX]; /* the first that was found */
    unsigned shares[KEYS_SERVERS_MAX];        /* which server it says it is; 0: none */
    bool contradiction;                       /* about some epoch, and nobody can say who is right: it is left out */
};

/* Is any key shared? */
bool keys_told_shares(const struct keys_told *told);
/* ONLY_SHARED: epochs whose key somebody has whole are left out.  An epoch of which only one server tells is left out
   too: it takes two.  A key is shared by three servers; with more addresses, the others may repeat them. */
void keys_shares_combine(const struct keys_told *told, const struct epoch_book *book, bool only_shared,
                         struct keys_answer *answer, struct keys_report *report);

#endif
