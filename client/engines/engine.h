/* What camera engines say, and what a lane understands of it.
 *
 * An adapter is one small file with one function: from a document (JSON, the fields of a form, XML: engines/document.h) to reads.  It may be given anything at all.
 * Everything it makes lies in the message's arena, in locked memory that is wiped when the message was taken. */
#ifndef CLIENT_ENGINES_ENGINE_H
#define CLIENT_ENGINES_ENGINE_H

#include <platesieve/platesieve.h>

#include "include/cleanup.h"

#define ENGINE_READS_MAX 16      /* vehicles in one message */
#define ENGINE_CANDIDATES_MAX 32 /* spellings of one plate */
#define ENGINE_IDS_MAX 64        /* of the engine's own for one vehicle */
#define ENGINE_RAW_MAX 64        /* bytes of a plate as the engine wrote it */
#define ENGINE_CAMERA_MAX 64
#define ENGINE_ARENA_BYTES (1024 * 1024) /* for one message of any size: its pictures stay in the body */

struct engine_candidate {
    struct platesieve_plate plate; /* canonical */
    double confidence;             /* 0 to 1 */
    char raw[ENGINE_RAW_MAX + 1];  /* printable UTF-8 */
};

/* What one message says of one vehicle. */
struct engine_read {
    char camera[ENGINE_CAMERA_MAX + 1]; /* printable UTF-8; "" */
    size_t id_count;
    uint64_t ids[ENGINE_IDS_MAX]; /* keyed hashes of the engine's ids of this vehicle: engine_id() */
    bool preview;                 /* the engine says that more will come of it */
    int64_t seen_ms;              /* since 1970; 0: not said, or can't be so */
    bool late;                    /* the last time that is said of it was LIMIT_SEEN_LATE_S and more before now: it is not there any more */
    bool long_past;               /* late by more than a gate takes, or the engine's clock is wrong; seen_ms is 0 then */
    struct platesieve_jurisdiction jurisdiction; /* as the engine states it; empty: unknown */
    double region_confidence;     /* 0 to 1; 1 where the engine does not say */
    size_t count;                 /* of candidates; may be 0 */
    struct engine_candidate candidates[ENGINE_CANDIDATES_MAX]; /* best first, no two with one canonical text */
    const uint8_t *picture;       /* the best one for people, JPEG or PNG, in the arena or the body; NULL: none */
    size_t picture_size;
};

/* What was wrong with parts of a message; such a part is left out and the rest is used. */
enum engine_fault {
    ENGINE_PLATE_EMPTY,   /* nothing is left of it */
    ENGINE_PLATE_LONG,    /* more than 12 characters */
    ENGINE_PLATE_FORM,    /* not a text, not UTF-8, a label for "none" */
    ENGINE_CONFIDENCE,    /* neither a number of its range nor a word for "not said"; the candidate counts with 0 */
    ENGINE_TIME,          /* no time, or one in the future or long past */
    ENGINE_REGION,        /* not in the code set */
    ENGINE_IMAGE,         /* not base64, not JPEG or PNG, not all of one, or too large */
    ENGINE_TOO_MUCH,      /* more vehicles or candidates than are taken */
    ENGINE_FAULTS
};
const char *engine_fault_name(enum engine_fault fault); /* "plate-empty"; stable, for programs */

struct engine_reads {
    size_t count;
    size_t left_out; /* vehicles of the message for which there was no room: the last ones */
    struct engine_read list[ENGINE_READS_MAX];
    uint64_t faults[ENGINE_FAULTS];
    const char *kind; /* what the message was: "alpr_group"; static; NULL: not known */
};

enum engine_outcome {
    ENGINE_TAKEN,     /* it may have no reads: a heartbeat, a person at the door */
    ENGINE_UNKNOWN,   /* a kind of message that the adapter does not know */
    ENGINE_TYPE,      /* a content type that this engine does not send */
    ENGINE_MALFORMED, /* cut off, not JSON, not XML, no field `json` */
    ENGINE_TOO_LARGE, /* for the arena: too many members */
    ENGINE_OUTCOMES
};
const char *engine_outcome_name(enum engine_outcome outcome);

/* How a lane was told to understand an engine. */
struct engine_options {
    bool codes_known;
    enum platesieve_codes codes; /* of regions; otherwise what the engine is known to use */
    char country[3];             /* "US": of regions without a country; "": none */
    char camera[ENGINE_CAMERA_MAX + 1]; /* in place of what the message says; "": as it says */
    bool month_first;            /* of dates such as 03/04/2026 */
    int64_t now_ms;              /* since 1970 */
};

struct engine_message {
    const char *content_type; /* with its parameters; NULL: none */
    char *body;               /* locked, may be written to, followed by a zero byte */
    size_t size;
    struct platesieve_arena *arena; /* for everything that is made of it; reset by the caller */
};

struct document;

struct engine {
    const char *name;  /* "rekor": it is posted to /engines/rekor */
    const char *title; /* for people */
    unsigned forms;    /* bits of enum document_form: what it may come as */
    bool wants_result; /* it sends again what is not answered with "Result": true */
    enum engine_outcome (*take)(const struct document *document, const struct engine_options *options, struct engine_reads *reads);
};

/* All of them, ended by NULL. */
extern const struct engine *const engines[];
const struct engine *engine_named(const char *name); /* NULL: none */

/* Understands MESSAGE.  READS is in locked memory and is wiped by the caller. */
enum engine_outcome engine_take(const struct engine *engine, const struct engine_message *message, const struct engine_options *options,
                                struct engine_reads *reads) MUST_USE;

#endif
