#include "server/http/strangers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PLACES 256 /* remembered; more at a time are held back by the limits over all */

/* A bucket of thousandths of an entrance: it fills with time, each entrance takes 1000. */
struct bucket {
    int64_t filled_ms;
    int64_t content;
};

struct place {
    char text[LIMIT_ADDRESS_TEXT + 1]; /* "": free */
    unsigned inside;
    struct bucket bucket;
};

struct strangers {
    pthread_mutex_t lock;
    unsigned inside;
    struct bucket bucket;
    struct place places[PLACES];
};

struct strangers *strangers_create(void)
{
    struct strangers *strangers = calloc(1, sizeof *strangers);
    if (strangers == NULL) return NULL;
    pthread_mutex_init(&strangers->lock, NULL);
    strangers->bucket.content = LIMIT_STRANGERS_BURST * INT64_C(1000);
    return strangers;
}

void strangers_destroy(struct strangers *strangers)
{
    if (strangers == NULL) return;
    pthread_mutex_destroy(&strangers->lock);
    free(strangers);
}

void strangers_place(const struct sockaddr *address, char place[LIMIT_ADDRESS_TEXT + 1])
{
    *place = 0;
    if (address->sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, place, LIMIT_ADDRESS_TEXT);
    } else if (address->sa_family == AF_INET6) {
        struct in6_addr network = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        memset(network.s6_addr + 8, 0, 8);
        if (inet_ntop(AF_INET6, &network, place, LIMIT_ADDRESS_TEXT - 3) != NULL) memcpy(place + strlen(place), "/64", 4);
    }
}

/* -- rates ------------------------------------------------------------------------------------- */

static void fill(struct bucket *bucket, int64_t now_ms, int64_t per_second, int64_t burst)
{
    int64_t passed_ms = now_ms - bucket->filled_ms;
    if (passed_ms < 0) passed_ms = 0;
    bucket->filled_ms = now_ms;
    if (passed_ms > burst * 1000 / per_second) passed_ms = burst * 1000 / per_second; /* it is full by then */
    bucket->content += passed_ms * per_second;
    if (bucket->content > burst * 1000) bucket->content = burst * 1000;
}

/* The place's record, new or known; NULL when all are of somebody who is inside. */
static struct place *find(struct strangers *strangers, const char *text, int64_t now_ms)
{
    struct place *oldest = NULL;
    for (size_t i = 0; i < PLACES; i++) {
        struct place *place = &strangers->places[i];
        if (strcmp(place->text, text) == 0) return place;
        if (place->inside == 0 && (oldest == NULL || place->bucket.filled_ms < oldest->bucket.filled_ms)) oldest = place;
    }
    if (oldest == NULL) return NULL;
    *oldest = (struct place){ .bucket = { now_ms, LIMIT_STRANGERS_BURST_PER_ADDRESS * INT64_C(1000) } };
    memcpy(oldest->text, text, strlen(text) + 1);
    return oldest;
}

static bool take(struct strangers *strangers, const char *text, int64_t now_ms)
{
    fill(&strangers->bucket, now_ms, LIMIT_STRANGERS_PER_SECOND, LIMIT_STRANGERS_BURST);
    if (strangers->inside >= LIMIT_STRANGERS || strangers->bucket.content < 1000) return false;
    struct place *place = find(strangers, text, now_ms);
    if (place == NULL || place->inside >= LIMIT_STRANGERS_PER_ADDRESS) return false;
    fill(&place->bucket, now_ms, LIMIT_STRANGERS_PER_SECOND_AND_ADDRESS, LIMIT_STRANGERS_BURST_PER_ADDRESS);
    if (place->bucket.content < 1000) return false;
    place->bucket.content -= 1000;
    strangers->bucket.content -= 1000;
    place->inside++;
    strangers->inside++;
    return true;
}

bool strangers_enter(struct strangers *strangers, const char *place, int64_t now_ms)
{
    if (*place == 0 || strlen(place) > LIMIT_ADDRESS_TEXT) return false;
    pthread_mutex_lock(&strangers->lock);
    bool taken = take(strangers, place, now_ms);
    pthread_mutex_unlock(&strangers->lock);
    return taken;
}

void strangers_leave(struct strangers *strangers, const char *text)
{
    pthread_mutex_lock(&strangers->lock);
    for (size_t i = 0; i < PLACES; i++) {
        struct place *place = &strangers->places[i];
        if (strcmp(place->text, text) != 0 || place->inside == 0) continue;
        place->inside--;
        strangers->inside--;
        break;
    }
    pthread_mutex_unlock(&strangers->lock);
}
