#include "client/lane/places.h"

#include "client/client.h"
#include "client/pages.h"
#include "client/picture/images.h"

/* -- making them ----------------------------------------------------------------------------------------------------- */

bool places_create(struct places *places, size_t count)
{
    const size_t size = count * sizeof(struct place);

    *places = (struct places) { .pages = pages_create(size, size, 0), .free = PLACE_NONE };
    if (places->pages != NULL) places->list = pages_take(places->pages, size, 0);
    return places->list != NULL;
}

void places_destroy(struct places *places)
{
    pages_destroy(places->pages);
}

void place_line_begin(struct place_line *line)
{
    *line = (struct place_line) { PLACE_NONE, PLACE_NONE, 0 };
}

static uint32_t get_place(struct places *places)
{
    const uint32_t number = places->free;

    if (number == PLACE_NONE) return places->untouched++;
    places->free = places->list[number].next;
    return number;
}

static void give_place_back(struct places *places, uint32_t number)
{
    platesieve_wipe(&places->list[number].read, sizeof(places->list[number].read));
    places->list[number].next = places->free;
    places->free = number;
}

/* -- lines ----------------------------------------------------------------------------------------------------------- */

static void link_in(struct places *places, struct place_line *line, uint32_t number)
{
    struct place *place = &places->list[number];
    uint32_t before = line->last;

    while (before != PLACE_NONE && places->list[before].read.came_us > place->read.came_us) before = places->list[before].previous;
    place->previous = before;
    place->next = before == PLACE_NONE ? line->first : places->list[before].next;
    *(place->next == PLACE_NONE ? &line->last : &places->list[place->next].previous) = number;
    *(before == PLACE_NONE ? &line->first : &places->list[before].next) = number;
    line->count++;
}

static void unlink_from(struct places *places, struct place_line *line, uint32_t number)
{
    const struct place *place = &places->list[number];

    *(place->previous == PLACE_NONE ? &line->first : &places->list[place->previous].next) = place->next;
    *(place->next == PLACE_NONE ? &line->last : &places->list[place->next].previous) = place->previous;
    line->count--;
}

void places_put(struct places *places, struct place_line *line, struct lane_read *read)
{
    const uint32_t number = get_place(places);

    memcpy(&places->list[number].read, read, sizeof(*read));
    platesieve_wipe(read, sizeof(*read));
    link_in(places, line, number);
}

void places_take(struct places *places, struct place_line *line, uint32_t number, struct lane_read *to)
{
    unlink_from(places, line, number);
    if (to != NULL) memcpy(to, &places->list[number].read, sizeof(*to));
    give_place_back(places, number);
}

void places_join(struct places *places, struct place_line *from, struct place_line *to)
{
    while (from->first != PLACE_NONE) {
        const uint32_t number = from->first;

        unlink_from(places, from, number);
        link_in(places, to, number);
    }
}

bool places_picture(struct places *places, const struct place_line *line, const uint8_t id[PLATESIEVE_READ_ID_BYTES], struct image *image)
{
    bool wanted = false;

    for (uint32_t number = line->last; number != PLACE_NONE; number = places->list[number].previous) {
        struct lane_read *read = &places->list[number].read;

        if (read->image != NULL || read->calibration || memcmp(read->check.id, id, sizeof(read->check.id)) != 0) continue;
        read->image = image_hold(image);
        wanted = true;
    }
    return wanted;
}
