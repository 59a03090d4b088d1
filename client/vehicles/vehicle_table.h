/* The vehicles that a lane has in mind: how they were spelled, what of it was asked about, and how a look finds them again.  For vehicles.c.
 *
 * A vehicle's plates are in clear for the window after its last look; then only keyed hashes of them stay, by which what was asked about is known, until
 * it is forgotten, LIMIT_VEHICLE_AGAIN_S after its last look.  Not thread-safe. */
#ifndef CLIENT_VEHICLES_VEHICLE_TABLE_H
#define CLIENT_VEHICLES_VEHICLE_TABLE_H

#include "client/engines/engine.h"
#include "client/vehicles/similar.h"

struct vehicle_spelling {
    uint64_t text;                 /* keyed hash of camera and plate */
    struct platesieve_plate plate; /* zero when the vehicle has faded */
    struct similar_form form;      /* likewise */
    float confidence;              /* best so far */
    bool asked;                    /* about it, less than LIMIT_VEHICLE_AGAIN_S ago: at asked_ms */
    uint8_t regions;               /* bit i: asked about with vehicle.regions[i] */
    int64_t asked_ms;
};

struct vehicle_region {
    struct platesieve_jurisdiction jurisdiction;
    float confidence; /* best so far */
};

struct vehicle {
    uint64_t number; /* of all; 0: this place is free */
    uint64_t camera; /* keyed hash */
    uint64_t place;  /* among the camera's vehicles */
    uint8_t id[PLATESIEVE_READ_ID_BYTES];
    bool faded, late; /* late: no look at it was of what is there now */
    bool counted;      /* a look that was asked about as the first was answered */
    unsigned counting; /* such ones that are being asked about */
    int64_t began_ms, last_ms;       /* monotonic: first and last look */
    int64_t seen_first, seen_last;   /* as the engine says, since 1970; 0: it does not */
    size_t region_count, count;
    struct vehicle_region regions[LIMIT_VEHICLE_REGIONS];
    struct vehicle_spelling spellings[LIMIT_VEHICLE_SPELLINGS]; /* those that were asked about, some of them too long ago */
};

/* One of the engine's ids, and whose it is. */
struct vehicle_id {
    uint64_t id; /* with the camera */
    uint64_t number;
    size_t index;
};

/* Keep it in locked memory. */
struct vehicle_table {
    int64_t window_ms;
    uint64_t made; /* vehicles so far */
    struct vehicle places[LIMIT_VEHICLES];
    struct vehicle_id ids[LIMIT_VEHICLE_IDS];
};

/* What a look is found by. */
struct vehicle_clue {
    uint64_t camera;
    int64_t now_ms, seen_ms;
    bool late; /* of a look at what is not there any more */
    const uint64_t *ids;
    size_t id_count;
    size_t count;
    uint64_t texts[LIMIT_CHECK_CANDIDATES];
    struct similar_form forms[LIMIT_CHECK_CANDIDATES];
};

#define VEHICLE_MATCHES_MAX 8

struct vehicle_matches {
    size_t count;
    struct vehicle *list[VEHICLE_MATCHES_MAX]; /* the one that CLUE speaks of first, if any */
    bool sure;                                 /* by an id, or a spelling that both have; not only a similar one */
};

/* Vehicles that share an id with CLUE, or whose time and plates are like its own. */
void vehicle_table_find(struct vehicle_table *table, const struct vehicle_clue *clue, struct vehicle_matches *matches);
/* A new one, in place of the one not seen for longest if need be, of those that are late if there are some.  Its read's id is random; the engine's ids are its own from now on. */
struct vehicle *vehicle_table_begin(struct vehicle_table *table, const struct vehicle_clue *clue);
/* VEHICLE was seen. */
void vehicle_table_touch(struct vehicle_table *table, struct vehicle *vehicle, const struct vehicle_clue *clue);
struct vehicle *vehicle_table_of(struct vehicle_table *table, const uint8_t id[PLATESIEVE_READ_ID_BYTES]); /* NULL: it is over */
/* Forgets vehicles that are gone and what was asked too long ago, and fades plates. */
void vehicle_table_forget(struct vehicle_table *table, int64_t now_ms);

struct vehicle_spelling *vehicle_spelling(struct vehicle *vehicle, uint64_t text); /* NULL: it has none such */
struct vehicle_spelling *vehicle_spelling_add(struct vehicle *vehicle, uint64_t text); /* there is room: vehicle_room() */
size_t vehicle_room(const struct vehicle *vehicle); /* for so many more */
/* Was TEXT asked about lately, with JURISDICTION (or at all, if that is unknown)? */
bool vehicle_asked(struct vehicle *vehicle, uint64_t text, const struct platesieve_jurisdiction *jurisdiction);
/* Its jurisdiction of the highest confidence; NULL: none was stated. */
const struct platesieve_jurisdiction *vehicle_jurisdiction(const struct vehicle *vehicle);
/* Bit in vehicle_spelling.regions; 0: unknown, or not among the vehicle's. */
uint8_t vehicle_region_bit(const struct vehicle *vehicle, const struct platesieve_jurisdiction *jurisdiction);

#endif
