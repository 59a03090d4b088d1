#include "client/vehicles/captions.h"

#include <platesieve/platesieve.h>

#include "include/cleanup.h"

#define WAYS 8     /* places in which one text may stand */
#define MISS 4     /* a vehicle without the text weighs as much as so many with it: "in a row, or nearly" */
#define BETWEEN 3  /* other vehicles between two looks at a text that is read alone */

static_assert(LIMIT_CAPTIONS % WAYS == 0, "texts stand in sets of places");

void captions_begin(struct captions *captions, unsigned vehicles, int64_t again_ms)
{
    captions->enough = vehicles;
    captions->again_ms = again_ms;
}

static struct caption_camera *camera_known(struct captions *captions, uint64_t name)
{
    for (size_t i = 0; i < LIMIT_CAPTION_CAMERAS; i++)
        if (captions->cameras[i].name == name) return &captions->cameras[i];
    return NULL;
}

struct caption_camera *captions_camera(struct captions *captions, uint64_t name, int64_t now_ms)
{
    struct caption_camera *camera = camera_known(captions, name);

    if (camera == NULL) {
        camera = &captions->cameras[0];
        for (size_t i = 0; i < LIMIT_CAPTION_CAMERAS && camera->name != 0; i++)
            if (captions->cameras[i].name == 0 || captions->cameras[i].seen_ms < camera->seen_ms) camera = &captions->cameras[i];
        *camera = (struct caption_camera){ .name = name };
    }
    camera->seen_ms = now_ms;
    return camera;
}

/* -- scores -------------------------------------------------------------------------------------------------------- */

/* What is left of a score after WITHOUT vehicles. */
static unsigned decayed(unsigned score, uint64_t without)
{
    return without >= score ? 0 : score > MISS * without ? score - (unsigned)(MISS * without) : 0;
}

static unsigned beside_score(const struct caption *caption, uint64_t vehicles)
{
    return decayed(caption->beside.score, vehicles > caption->beside.vehicle ? vehicles - caption->beside.vehicle : 0);
}

/* Others are always in between. */
static unsigned alone_score(const struct caption *caption, uint64_t vehicles)
{
    const uint64_t others = vehicles > caption->alone.vehicle ? vehicles - caption->alone.vehicle : 0;

    return decayed(caption->alone.score, others > BETWEEN ? others - BETWEEN : 0);
}

static void run_count(struct caption_run *run, unsigned left, uint64_t vehicle, unsigned enough, bool long_enough)
{
    if (left == 0) run->learned = false;
    run->score = left < 2 * enough ? left + 1 : left; /* bounded, so that what was learned is forgotten as soon as it stays away */
    run->vehicle = vehicle;
    if (run->score >= enough && long_enough) run->learned = true;
}

/* -- places -------------------------------------------------------------------------------------------------------- */

static struct caption *place_of(struct captions *captions, uint64_t text)
{
    struct caption *set = &captions->places[text % (LIMIT_CAPTIONS / WAYS) * WAYS];

    for (size_t i = 0; i < WAYS; i++)
        if (set[i].text == text) return &set[i];
    return NULL;
}

/* The worst of a set makes room. */
static bool worse(const struct caption *a, const struct caption *b)
{
    const bool a_kept = a->listed || a->beside.learned || a->alone.learned, b_kept = b->listed || b->beside.learned || b->alone.learned;
    const unsigned a_score = a->beside.score > a->alone.score ? a->beside.score : a->alone.score;
    const unsigned b_score = b->beside.score > b->alone.score ? b->beside.score : b->alone.score;

    if (a->text == 0 || b->text == 0) return a->text == 0 && b->text != 0;
    if (a_kept != b_kept) return b_kept;
    return a_score != b_score ? a_score < b_score : a->seen_ms < b->seen_ms;
}

static struct caption *place_make(struct captions *captions, const struct caption_camera *camera, uint64_t text)
{
    struct caption *set = &captions->places[text % (LIMIT_CAPTIONS / WAYS) * WAYS], *place = &set[0];

    for (size_t i = 1; i < WAYS; i++)
        if (worse(&set[i], place)) place = &set[i];
    *place = (struct caption){ .text = text, .camera = camera->name };
    return place;
}

/* -- looks --------------------------------------------------------------------------------------------------------- */

bool captions_skip(struct captions *captions, const struct caption_camera *camera, uint64_t text, bool beside, int64_t now_ms)
{
    const struct caption *caption = captions->enough > 0 ? place_of(captions, text) : NULL;

    if (caption == NULL || caption->listed || now_ms - caption->asked_ms >= captions->again_ms) return false;
    return beside ? caption->beside.learned && beside_score(caption, camera->vehicles) > 0
                  : caption->alone.learned && alone_score(caption, camera->vehicles) > 0;
}

/* Once for each vehicle that is another one than those before. */
static void saw_beside(struct captions *captions, struct caption *caption, const struct caption_look *look)
{
    const bool first = caption->beside.score == 0;

    if (look->companion == 0 || look->vehicle == 0 || (!first && look->vehicle <= caption->beside.vehicle)) return;
    for (size_t i = 0; i < LIMIT_CAPTION_COMPANIONS; i++)
        if (caption->companions[i] == look->companion) return;
    caption->companions[caption->companion_next++ % LIMIT_CAPTION_COMPANIONS] = look->companion;
    run_count(&caption->beside, first ? 0 : beside_score(caption, look->vehicle - 1), look->vehicle, captions->enough, true);
}

/* Only when others came in between: a picture that nothing moves in shows nothing. */
static void saw_alone(struct captions *captions, const struct caption_camera *camera, struct caption *caption,
                      const struct caption_look *look, int64_t now_ms)
{
    const bool first = caption->alone.score == 0;
    const unsigned left = first ? 0 : alone_score(caption, look->before);

    if (!first && look->before <= caption->alone.vehicle) return;
    if (left == 0) caption->since_ms = now_ms;
    run_count(&caption->alone, left, camera->vehicles, captions->enough,
              now_ms - caption->since_ms >= LIMIT_CAPTION_ALONE_TIMES * captions->again_ms);
}

void captions_saw(struct captions *captions, const struct caption_camera *camera, const struct caption_look *look, int64_t now_ms)
{
    struct caption *caption = captions->enough > 0 ? place_of(captions, look->text) : NULL;

    if (captions->enough == 0) return;
    if (caption == NULL) caption = place_make(captions, camera, look->text);
    caption->seen_ms = now_ms;
    if (look->asked) caption->asked_ms = now_ms;
    if (caption->listed) return;
    if (look->beside) saw_beside(captions, caption, look);
    else saw_alone(captions, camera, caption, look, now_ms);
}

void captions_listed(struct captions *captions, const struct caption_camera *camera, uint64_t text, int64_t now_ms)
{
    struct caption *caption = captions->enough > 0 ? place_of(captions, text) : NULL;

    if (captions->enough == 0) return;
    if (caption == NULL) caption = place_make(captions, camera, text);
    *caption = (struct caption){ .text = text, .camera = camera->name, .seen_ms = now_ms, .listed_ms = now_ms, .listed = true };
}

static bool over(struct captions *captions, const struct caption *caption, int64_t now_ms)
{
    const struct caption_camera *camera = camera_known(captions, caption->camera);
    const bool learned = caption->beside.learned || caption->alone.learned;

    if (camera == NULL) return true;
    if (caption->listed) return now_ms - caption->listed_ms > LIMIT_CAPTION_KEPT_S * INT64_C(1000);
    if (beside_score(caption, camera->vehicles) == 0 && alone_score(caption, camera->vehicles) == 0) return true;
    return now_ms - caption->seen_ms > (learned ? LIMIT_CAPTION_KEPT_S : LIMIT_CAPTION_MAYBE_S) * INT64_C(1000);
}

void captions_forget(struct captions *captions, int64_t now_ms)
{
    for (size_t i = 0; i < LIMIT_CAPTIONS; i++)
        if (captions->places[i].text != 0 && over(captions, &captions->places[i], now_ms))
            platesieve_wipe(&captions->places[i], sizeof(captions->places[i]));
}
