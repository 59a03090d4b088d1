#include "client/lane/handed.h"

#include "client/client.h"
#include "client/picture/images.h"

void handed_out(struct handed *handed, struct lane_read *read)
{
    read->handed = 0;
    for (unsigned i = 0; i < HANDED_MAX && read->handed == 0; i++) {
        struct handed_read *one = &handed->list[i];

        if (one->used) continue;
        *one = (struct handed_read) { .used = true, .late = read->late, .wants = read->image == NULL && !read->calibration };
        memcpy(one->id, read->check.id, sizeof(one->id));
        read->handed = i + 1;
    }
}

bool handed_has_late(const struct handed *handed)
{
    for (unsigned i = 0; i < HANDED_MAX; i++)
        if (handed->list[i].used && handed->list[i].late) return true;
    return false;
}

static bool wants(const struct handed_read *one, const uint8_t id[PLATESIEVE_READ_ID_BYTES])
{
    return one->used && one->wants && memcmp(one->id, id, sizeof(one->id)) == 0;
}

bool handed_wants_picture(const struct handed *handed, const uint8_t id[PLATESIEVE_READ_ID_BYTES])
{
    for (unsigned i = 0; i < HANDED_MAX; i++)
        if (wants(&handed->list[i], id)) return true;
    return false;
}

void handed_give_picture(struct handed *handed, const uint8_t id[PLATESIEVE_READ_ID_BYTES], struct image *image)
{
    for (unsigned i = 0; i < HANDED_MAX; i++) {
        struct handed_read *one = &handed->list[i];

        if (!wants(one, id)) continue;
        one->came = image_hold(image);
        one->wants = false;
    }
}

struct image *handed_late_picture(struct handed *handed, struct lane_read *read, bool over)
{
    struct handed_read *one;
    struct image *late;

    if (read->handed == 0) return NULL;
    one = &handed->list[read->handed - 1];
    late = one->came;
    one->came = NULL;
    if (over) {
        *one = (struct handed_read) { 0 };
        read->handed = 0;
    }
    return late;
}

void handed_clear(struct handed *handed)
{
    for (unsigned i = 0; i < HANDED_MAX; i++) image_release(handed->list[i].came);
    *handed = (struct handed) { 0 };
}
