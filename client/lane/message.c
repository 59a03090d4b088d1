#include "client/lane/service.h"

#include "client/moment.h"

/* In locked memory. */
struct message_room {
    struct engine_reads reads;
    struct lane_read read;
};

bool message_prepare(struct lane_service *service)
{
    service->room = platesieve_secret_allocate(sizeof(*service->room));
    if (service->room == NULL) {
        say("there is no memory that can be locked for messages");
        return false;
    }
    pthread_mutex_init(&service->taking, NULL);
    return true;
}

void message_release(struct lane_service *service)
{
    if (service->room == NULL) return;
    platesieve_secret_free(service->room);
    pthread_mutex_destroy(&service->taking);
}

static struct image *keep_picture(struct lane_service *service, const struct engine_read *look)
{
    struct image *image;

    if (service->images == NULL || look->picture == NULL) return NULL;
    do image = images_put(service->images, look->picture, look->picture_size);
    while (image == NULL && alerts_yield_picture(service->alerts)); /* of alerts of long ago */
    if (image == NULL) count_add(&service->counts.pictures_dropped, 1);
    return image;
}

/* In this order: a read that is answered meanwhile has its alert then. */
static bool is_picture_wanted(struct lane_service *service, const uint8_t read_id[PLATESIEVE_READ_ID_BYTES])
{
    return waiting_wants_picture(service->waiting, read_id) || alerts_want_picture(service->alerts, read_id);
}

/* Nothing new, but perhaps the picture of a vehicle that is not answered yet, or has hit without one. */
static void take_late_picture(struct lane_service *service, const struct engine_read *look, const struct lane_read *read)
{
    const uint8_t *read_id = read->check.id;
    struct image *image = NULL;

    if (look->picture != NULL && read->same && is_picture_wanted(service, read_id)) image = keep_picture(service, look);
    if (image == NULL) return;
    waiting_give_picture(service->waiting, read_id, image);
    alerts_picture(service->alerts, read_id, image);
    image_release(image);
}

static enum vehicle_outcome take_look(struct lane_service *service, const struct engine *engine, const struct engine_read *look, int64_t came_us)
{
    const int64_t now_ms = moment_now_ms();
    struct lane_read *read = &service->room->read;
    enum vehicle_outcome outcome;

    pthread_mutex_lock(&service->vehicles_lock);
    outcome = vehicles_take(service->vehicles, look, came_us / 1000, atomic_load(&service->candidates_max), read);
    atomic_store(&service->counts.captions, vehicles_captions(service->vehicles));
    pthread_mutex_unlock(&service->vehicles_lock);
    count_add(&service->counts.vehicles[outcome], 1);
    if (outcome == VEHICLE_KNOWN) take_late_picture(service, look, read);
    if (outcome != VEHICLE_NEW && outcome != VEHICLE_AGAIN) return outcome;
    if (read->check.seen_ms == 0 || read->check.seen_ms > now_ms) read->check.seen_ms = now_ms; /* nothing was seen after it was told */
    read->engine = engine->name;
    read->came_us = came_us;
    read->clock_ms = moment_now_ms() - moment_monotonic_ms();
    read->image = keep_picture(service, look);
    if (outcome == VEHICLE_AGAIN && read->same && read->image != NULL) waiting_give_picture(service->waiting, read->check.id, read->image);
    count_add(outcome == VEHICLE_NEW ? &service->counts.reads.asked : &service->counts.again.asked, 1);
    if (read->late) count_add(&service->counts.late, 1);
    waiting_add(service->waiting, read);
    return outcome;
}

static void take(struct lane_service *service, const struct engine *engine, const struct engine_message *message,
                 const struct engine_options *options, int64_t came_us, struct message_taken *taken)
{
    struct engine_reads *reads = &service->room->reads;

    taken->outcome = engine_take(engine, message, options, reads);
    taken->kind = reads->kind;
    taken->reads = reads->count;
    taken->left_out = reads->left_out;
    for (size_t i = 0; i < ENGINE_FAULTS; i++) taken->faults += reads->faults[i];
    lane_counts_message(&service->counts, engine, taken->outcome, reads);
    for (size_t i = 0; taken->outcome == ENGINE_TAKEN && i < reads->count; i++)
        taken->vehicles[take_look(service, engine, &reads->list[i], came_us)]++;
}

void message_take(struct lane_service *service, const struct engine *engine, const char *camera, const char *content_type, char *body, size_t size,
                  int64_t came_us, struct message_taken *taken)
{
    const struct engine_message message = { content_type, body, size, buffers_arena(service->buffers) };
    struct engine_options options;

    *taken = (struct message_taken) { 0 };
    lane_config_options(service->config, engine, camera, &options);
    pthread_mutex_lock(&service->taking);
    take(service, engine, &message, &options, came_us, taken);
    platesieve_wipe(service->room, sizeof(*service->room));
    platesieve_arena_reset(message.arena);
    pthread_mutex_unlock(&service->taking);
}
