/* A gate's memory for tests: a catalogue with epochs, lists, entries and slots, and the bodies that a lane would send.  Tokens are made-up
   numbers; the tag of a record is its token's number. */
#ifndef TESTS_SCENE_H
#define TESTS_SCENE_H

#include "server/gate/check/check.h"
#include "server/gate/check/cooldown.h"
#include "tests/unit/unit.h"

#define SCENE_LISTS 6
#define SCENE_EPOCHS 4
#define SCENE_SEGMENTS 8
#define SCENE_NOW INT64_C(1795311043123) /* 2026-11-22T01:30:43.123Z */

struct scene {
    struct catalogue *catalogue;
    struct cooldown *cooldown;
    struct peer peer;
    int64_t now_ms;
    size_t list_count;
};

/* EPOCHS of them, one day each, beginning three days before now, overlapping by two hours: so epoch 3 is open, and epoch 2 while it is not
   later than two o'clock. */
void scene_begin(struct scene *scene);
void scene_end(struct scene *scene);
/* A loaded list of all sites with whole coverage of every epoch; its segment is its position + 1.  Change it before scene_views(). */
struct catalogue_list *scene_list(struct scene *scene, const char *agency, const char *id, enum platesieve_grade grade);
/* An entry of the list at POSITION, for good; its number. */
uint32_t scene_entry(struct scene *scene, size_t position, const char *reference);
struct entry *scene_entry_at(struct scene *scene, uint32_t entry);
void scene_slot(struct scene *scene, uint32_t entry, size_t epoch, enum platesieve_grade grade, unsigned token);
void scene_views(struct scene *scene);

/* base64url of 16 bytes made of NUMBER; in one of 16 static buffers. */
const char *scene_token(unsigned number);
/* `{"policy":...,"epochs":[those open, the NEWEST of them],"reads":[READS]}`; malloc'ed. */
char *scene_body(const struct scene *scene, size_t newest, const char *reads);

/* Parses and runs a body; on success *text is the answer. */
struct outcome {
    struct result result;
    char *text;
    struct sighting *sightings;
    size_t count;
    bool wait;
    struct check_counts counts;
};
struct outcome scene_check(struct scene *scene, const char *body);
void outcome_free(struct outcome *outcome);

#endif
