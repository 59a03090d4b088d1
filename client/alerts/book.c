#include "client/alerts/book.h"

struct alert_book {
    unsigned max, keep_s;
    uint64_t last;
    alert_lost_fn lost;
    void *context;
    struct kept_alert *places; /* locked */
};

const char *alert_path_name(enum alert_path path)
{
    static const char *const names[] = { [ALERT_OUTPUT] = "output", [ALERT_DISPLAY] = "display", [ALERT_COMMAND] = "command" };

    return names[path];
}

struct alert_book *alert_book_create(unsigned max, unsigned keep_s, uint64_t first, alert_lost_fn lost, void *context)
{
    struct alert_book *book = calloc(1, sizeof(*book));

    if (book != NULL) book->places = platesieve_secret_allocate(max * sizeof(*book->places));
    if (book == NULL || book->places == NULL) {
        say("there is no memory that can be locked for alerts (%zu kB)", max * sizeof(*book->places) / 1024);
        free(book);
        return NULL;
    }
    book->max = max;
    book->keep_s = keep_s;
    book->last = first;
    book->lost = lost;
    book->context = context;
    return book;
}

static void forget(struct alert_book *book, struct kept_alert *kept)
{
    for (enum alert_path path = 0; path < ALERT_PATHS; path++)
        if (kept->due[path]) book->lost(book->context, kept, path);
    image_release(kept->image);
    platesieve_wipe(kept, sizeof(*kept));
}

void alert_book_destroy(struct alert_book *book)
{
    if (book == NULL) return;
    for (unsigned i = 0; i < book->max; i++)
        if (book->places[i].number != 0) forget(book, &book->places[i]);
    platesieve_secret_free(book->places);
    free(book);
}

/* -- looking --------------------------------------------------------------------------------------------------------- */

struct kept_alert *alert_book_find(struct alert_book *book, const char *hit)
{
    for (unsigned i = 0; i < book->max; i++)
        if (book->places[i].number != 0 && strcmp(book->places[i].alert.hit, hit) == 0) return &book->places[i];
    return NULL;
}

struct kept_alert *alert_book_after(struct alert_book *book, uint64_t after)
{
    struct kept_alert *found = NULL;

    for (unsigned i = 0; i < book->max; i++) {
        struct kept_alert *kept = &book->places[i];

        if (kept->number > after && (found == NULL || kept->number < found->number)) found = kept;
    }
    return found;
}

static bool goes_first(const struct kept_alert *one, const struct kept_alert *other, enum alert_path path, bool in_trouble)
{
    if (one->tries[path] != other->tries[path]) return one->tries[path] < other->tries[path];
    if (!in_trouble) return one->raise < other->raise;
    if (one->alert.priority != other->alert.priority) return one->alert.priority > other->alert.priority;
    return one->raise > other->raise;
}

struct kept_alert *alert_book_due(struct alert_book *book, enum alert_path path, int64_t monotonic_ms)
{
    const bool in_trouble = path != ALERT_OUTPUT && alert_book_late(book, path, monotonic_ms - ALERT_PROMPT_MS) != NULL;
    struct kept_alert *found = NULL;

    for (unsigned i = 0; i < book->max; i++) {
        struct kept_alert *kept = &book->places[i];

        if (kept->number != 0 && kept->due[path] && (found == NULL || goes_first(kept, found, path, in_trouble))) found = kept;
    }
    return found;
}

struct kept_alert *alert_book_late(struct alert_book *book, enum alert_path path, int64_t before_ms)
{
    for (unsigned i = 0; i < book->max; i++)
        if (book->places[i].number != 0 && book->places[i].due[path] && book->places[i].raised_ms < before_ms) return &book->places[i];
    return NULL;
}

size_t alert_book_waiting(const struct alert_book *book, enum alert_path path)
{
    size_t count = 0;

    for (unsigned i = 0; i < book->max; i++) count += book->places[i].number != 0 && book->places[i].due[path];
    return count;
}

static struct kept_alert *raised(const struct alert_book *book, uint64_t raise)
{
    for (unsigned i = 0; i < book->max; i++)
        if (book->places[i].number != 0 && book->places[i].raise == raise) return &book->places[i];
    return NULL;
}

bool alert_book_wants(const struct alert_book *book, enum alert_path path, uint64_t raise)
{
    const struct kept_alert *kept = raised(book, raise);

    return kept != NULL && kept->due[path];
}

struct kept_alert *alert_book_pictured(struct alert_book *book)
{
    struct kept_alert *found = NULL;

    for (unsigned i = 0; i < book->max; i++) {
        struct kept_alert *kept = &book->places[i];

        if (kept->number != 0 && kept->image != NULL && (found == NULL || kept->raise < found->raise)) found = kept;
    }
    return found;
}

uint64_t alert_book_last(const struct alert_book *book)
{
    return book->last;
}

size_t alert_book_count(const struct alert_book *book)
{
    size_t count = 0;

    for (unsigned i = 0; i < book->max; i++) count += book->places[i].number != 0;
    return count;
}

/* -- changing -------------------------------------------------------------------------------------------------------- */

void alert_book_changed(struct alert_book *book, struct kept_alert *kept)
{
    kept->number = ++book->last;
}

struct kept_alert *alert_book_settle(struct alert_book *book, enum alert_path path, uint64_t raise)
{
    struct kept_alert *kept = raised(book, raise);

    if (kept != NULL) kept->due[path] = false;
    return kept;
}

struct kept_alert *alert_book_failed(struct alert_book *book, enum alert_path path, uint64_t raise)
{
    struct kept_alert *kept = raised(book, raise);

    if (kept != NULL) kept->tries[path]++;
    return kept;
}

static bool is_due(const struct kept_alert *kept)
{
    bool due = false;

    for (enum alert_path path = 0; path < ALERT_PATHS; path++) due = due || kept->due[path];
    return due;
}

/* Those first that went wherever they had to; of those that did not, the least grave; of these, the one that was raised longest ago. */
static bool makes_place(const struct kept_alert *one, const struct kept_alert *other)
{
    const bool due = is_due(one);

    if (due != is_due(other)) return !due;
    if (due && one->alert.priority != other->alert.priority) return one->alert.priority < other->alert.priority;
    return one->raise < other->raise;
}

static struct kept_alert *make_place(struct alert_book *book)
{
    struct kept_alert *found = &book->places[0];

    for (unsigned i = 0; i < book->max; i++) {
        struct kept_alert *kept = &book->places[i];

        if (kept->number == 0) return kept;
        if (makes_place(kept, found)) found = kept;
    }
    forget(book, found);
    return found;
}

static void note_picture(struct alert_book *book, struct kept_alert *kept, struct image *image)
{
    if (kept->image != NULL || image == NULL) return;
    kept->image = image_hold(image);
    alert_book_changed(book, kept);
}

/* Otherwise it was seen when its message came: that is nearly so, or it is so long past that the camera's clock may as well be wrong. */
static bool believes_camera(const struct lane_read *read)
{
    return read->late && !read->long_past;
}

/* When it was seen, whatever becomes of the clock. */
static int64_t then_ms(const struct lane_read *read)
{
    return believes_camera(read) ? read->check.seen_ms - read->clock_ms : read->came_us / 1000;
}

/* Before MOMENT.  What has only waited here for a gate was seen when its message came, however long its vehicle had been there by then. */
static int64_t seen_ago_s(const struct lane_read *read, struct alert_moment moment)
{
    int64_t ago_ms = 0;

    if (read->long_past) return INT64_MAX;
    if (read->late) ago_ms = moment.monotonic_ms - then_ms(read);
    else if (read->came_us > 0) ago_ms = moment.monotonic_ms - read->came_us / 1000;
    return ago_ms > 0 ? ago_ms / 1000 : 0;
}

/* What was seen last is shown in place of what was seen before. */
static void note_read(struct kept_alert *kept, const struct lane_read *read, const struct check_alert *alert, struct alert_moment moment)
{
    const unsigned candidate = alert->candidate < read->check.count ? alert->candidate : 0;

    kept->alert = *alert;
    memcpy(kept->read_id, read->check.id, sizeof(kept->read_id));
    kept->seen_ms = read->check.seen_ms;
    kept->then_ms = then_ms(read);
    kept->ago_s = seen_ago_s(read, moment);
    memcpy(kept->plate, read->raw[candidate], sizeof(kept->plate));
    memcpy(kept->best, read->raw[0], sizeof(kept->best));
    snprintf(kept->jurisdiction, sizeof(kept->jurisdiction), "%s", read->check.candidates[candidate].jurisdiction.code);
    kept->confidence = read->check.candidates[candidate].confidence;
    memcpy(kept->camera, read->camera, sizeof(kept->camera));
    kept->engine = read->engine;
    if (kept->image == NULL) kept->image = image_hold(read->image);
}

/* What waits, or comes from an engine's stored queue, is answered in any order.  Times of two cameras are not held against each other where one says that it was late:
   its clock may be wrong, and a vehicle that is told of once too often is better than one that is missed. */
static bool was_seen_before(const struct kept_alert *kept, const struct lane_read *read)
{
    return (!believes_camera(read) || strcmp(read->camera, kept->camera) == 0) && then_ms(read) < kept->then_ms;
}

struct kept_alert *alert_book_raise(struct alert_book *book, const struct lane_read *read, const struct check_alert *alert, unsigned due,
                                    struct alert_moment moment)
{
    struct kept_alert *kept = alert_book_find(book, alert->hit);

    if (kept == NULL) {
        kept = make_place(book);
        kept->raised_at_ms = moment.now_ms;
    } else if (memcmp(kept->read_id, read->check.id, sizeof(kept->read_id)) != 0) {
        if (was_seen_before(kept, read)) {
            kept->times++;
            alert_book_changed(book, kept);
            return NULL;
        }
        image_release(kept->image); /* another passage: its picture would show another moment */
        kept->image = NULL;
    } else if (kept->alert.grade <= alert->grade) {
        note_picture(book, kept, read->image);
        return NULL;
    }
    note_read(kept, read, alert, moment);
    alert_book_changed(book, kept);
    kept->raise = kept->number;
    kept->times++;
    kept->raised_ms = moment.monotonic_ms;
    kept->until_ms = moment.monotonic_ms + (int64_t)book->keep_s * 1000;
    memset(kept->tries, 0, sizeof(kept->tries));
    for (enum alert_path path = 0; path < ALERT_PATHS; path++) kept->due[path] = (due & 1u << path) != 0;
    return kept;
}

void alert_book_forget(struct alert_book *book, int64_t monotonic_ms)
{
    for (unsigned i = 0; i < book->max; i++)
        if (book->places[i].number != 0 && book->places[i].until_ms <= monotonic_ms) forget(book, &book->places[i]);
}
