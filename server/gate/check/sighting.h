/* One match of one read with one entry: what is spooled, and becomes a hit or raises the count of one.  No plate, no token, no slot. */
#ifndef SERVER_GATE_CHECK_SIGHTING_H
#define SERVER_GATE_CHECK_SIGHTING_H

#include <platesieve/platesieve.h>

struct sighting {
    uint8_t id[PLATESIEVE_HIT_ID_BYTES];  /* hash of lane, read_id and entry: the same for a retry, at whatever gate */
    uint8_t hit[PLATESIEVE_HIT_ID_BYTES]; /* equal to id, or the id of the hit that this one raises (cooldown) */
    uint64_t entry;                       /* key of the entry within its list, see entries.h */
    uint32_t list;                        /* the list's number in the database */
    uint32_t revision;
    uint32_t age_s;                       /* of the list, at the check */
    uint32_t cooldown_s;
    int64_t seen_ms;
    uint8_t grade;                        /* enum platesieve_grade */
    uint8_t candidate;
    bool covert;
    bool calibration;                     /* of a calibration list; for counting, not stored */
    bool verify;                          /* the list was older than its limit */
    float confidence;
    uint16_t read;                        /* position of the read in its request; not stored */
    bool again;                           /* a later look, as the lane says; for counting, as the next; not stored */
    uint8_t read_id[PLATESIEVE_READ_ID_BYTES];
    char site[LIMIT_NAME_MAX + 1];
    char lane[LIMIT_NAME_MAX + 1];
};

enum sighting_stored { /* what the database says of one that was carried there */
    STORED_NOT,      /* it is not there: its retention was over, its list is gone */
    STORED_NOW,      /* it was not there before */
    STORED_BEFORE,   /* it was: by another gate, or by this one before it was started anew, or a retry of it was */
};

#endif
