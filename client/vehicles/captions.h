/* Captions: lettering that a camera's engine takes for a plate on vehicle after vehicle.  Learned for each camera, skipped, asked about again from time to
 * time, and forgotten.
 *
 * A text is a caption in one of two ways.  *Beside*: it is among the candidates of one vehicle after another, each time beside a reading that is quite
 * unlike it and that did not come with it before.  It is skipped beside such readings only: a vehicle that bears this text as its plate is read alone, and asked about.
 * *Alone*: it is a reading of its own, again and again with other vehicles in between.  So is the plate of a car that stands in view; therefore it takes
 * LIMIT_CAPTION_ALONE_TIMES times `again_ms` until it counts (4 hours, with 10 minutes), all the while it is asked about like any vehicle that stays.
 * A text that was on a list is no caption, however often it comes.
 *
 * Texts are keyed hashes; those that do not come again are gone after a few vehicles or LIMIT_CAPTION_MAYBE_S.  Not thread-safe. */
#ifndef CLIENT_VEHICLES_CAPTIONS_H
#define CLIENT_VEHICLES_CAPTIONS_H

#include <platesieve/limits.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How often a text came, with vehicles in a row or nearly: one more for each vehicle with it, several less for each without. */
struct caption_run {
    unsigned score;
    uint64_t vehicle; /* the camera's number of the one that was counted last */
    bool learned;
};

struct caption {
    uint64_t text, camera; /* keyed hashes; text 0: this place is free */
    struct caption_run beside, alone;
    uint64_t companions[LIMIT_CAPTION_COMPANIONS]; /* texts it was beside of last */
    size_t companion_next;
    int64_t since_ms; /* when the run alone began */
    int64_t seen_ms, asked_ms, listed_ms;
    bool listed;
};

struct caption_camera {
    uint64_t name;     /* keyed hash; 0: free */
    uint64_t vehicles; /* begun so far */
    int64_t seen_ms;
};

/* Keep it in locked memory. */
struct captions {
    unsigned enough; /* vehicles; 0: nothing is learned */
    int64_t again_ms;
    struct caption_camera cameras[LIMIT_CAPTION_CAMERAS];
    struct caption places[LIMIT_CAPTIONS];
};

void captions_begin(struct captions *captions, unsigned vehicles, int64_t again_ms); /* CAPTIONS is zero */

/* The camera's record; valid until another camera's is asked for. */
struct caption_camera *captions_camera(struct captions *captions, uint64_t name, int64_t now_ms);

/* Is TEXT to be skipped now? */
bool captions_skip(struct captions *captions, const struct caption_camera *camera, uint64_t text, bool beside, int64_t now_ms);

/* A text that a look brought, after its vehicle was counted in CAMERA. */
struct caption_look {
    uint64_t text;
    bool beside;
    uint64_t companion; /* if beside, the best reading that is quite unlike it and no caption; 0: none */
    uint64_t vehicle;   /* the camera's number of the look's vehicle; 0: it has none, nothing but captions is left */
    uint64_t before;    /* vehicles of the camera before this look */
    bool asked;         /* about this text, just now */
};
void captions_saw(struct captions *captions, const struct caption_camera *camera, const struct caption_look *look, int64_t now_ms);

/* TEXT was found on a list. */
void captions_listed(struct captions *captions, const struct caption_camera *camera, uint64_t text, int64_t now_ms);

/* Wipes what does not come any more. */
void captions_forget(struct captions *captions, int64_t now_ms);

#endif
