#include "client/tokens/share_book.h"

#include <pthread.h>
#include <sodium.h>

/* By server: nobody can push out what another told. */
struct page {
    size_t count;
    struct share_told told[LIMIT_EPOCHS_KNOWN];
};

struct share_book {
    pthread_mutex_t mutex;
    unsigned generation;
    struct page pages[HTTP_SERVERS_MAX];
};

struct share_book *share_book_create(void)
{
    struct share_book *book = calloc(1, sizeof(*book));

    if (book != NULL) pthread_mutex_init(&book->mutex, NULL);
    return book;
}

void share_book_destroy(struct share_book *book)
{
    if (book == NULL) return;
    pthread_mutex_destroy(&book->mutex);
    free(book);
}

static bool same(const struct page *page, const struct share_told *told, size_t count)
{
    bool equal = page->count == count;

    for (size_t i = 0; equal && i < count; i++)
        equal = strcmp(page->told[i].epoch_id, told[i].epoch_id) == 0 && page->told[i].server == told[i].server &&
                memcmp(&page->told[i].share, &told[i].share, sizeof(told[i].share)) == 0;
    return equal;
}

void share_book_take(struct share_book *book, size_t at, const struct share_told *told, size_t count)
{
    struct page *page = &book->pages[at];

    pthread_mutex_lock(&book->mutex);
    if (!same(page, told, count)) {
        memcpy(page->told, told, count * sizeof(*told));
        page->count = count;
        book->generation++;
    }
    pthread_mutex_unlock(&book->mutex);
}

unsigned share_book_generation(struct share_book *book)
{
    unsigned generation;

    pthread_mutex_lock(&book->mutex);
    generation = book->generation;
    pthread_mutex_unlock(&book->mutex);
    return generation;
}

static void collect(struct share_book *book, const char *epoch_id, struct share_parties *parties)
{
    *parties = (struct share_parties) { 0 };
    pthread_mutex_lock(&book->mutex);
    for (size_t at = 0; at < HTTP_SERVERS_MAX; at++) {
        const struct page *page = &book->pages[at];
        size_t i = 0;

        while (i < page->count && strcmp(page->told[i].epoch_id, epoch_id) != 0) i++;
        if (i == page->count) continue;
        parties->list[parties->count++] =
            (struct share_party) { .at = at, .server = page->told[i].server, .share = page->told[i].share };
    }
    pthread_mutex_unlock(&book->mutex);
}

/* -- lines --------------------------------------------------------------------------------------------------------- */

/* Goes through all pairs; EACH gets the public key that a pair gives, or NULL when the two are no two shares. */
typedef void (*pair_fn)(struct share_party *a, struct share_party *b, const struct platesieve_element *whole,
                        void *context);

static void pairs(struct share_parties *parties, pair_fn each, void *context)
{
    for (size_t i = 0; i < parties->count; i++) {
        for (size_t k = i + 1; k < parties->count; k++) {
            struct share_party *a = &parties->list[i], *b = &parties->list[k];
            struct platesieve_element whole;
            const bool two =
                !platesieve_failed(platesieve_voprf_combine(a->server, &a->share, b->server, &b->share, &whole));

            each(a, b, two ? &whole : NULL, context);
        }
    }
}

static void judge(struct share_party *a, struct share_party *b, const struct platesieve_element *whole, void *context)
{
    const struct platesieve_element *public_key = context;

    if (whole != NULL && memcmp(whole, public_key, sizeof(*whole)) == 0) a->good = b->good = true;
}

void share_book_parties(struct share_book *book, const char *epoch_id, const struct platesieve_element *public_key,
                        struct share_parties *parties)
{
    struct platesieve_element wanted = *public_key;

    collect(book, epoch_id, parties);
    pairs(parties, judge, &wanted);
    for (size_t i = 0; i < parties->count; i++) parties->good += parties->list[i].good;
}

struct pin {
    const uint8_t *key_id;
    struct platesieve_element *public_key;
    bool found;
};

static void compare(struct share_party *a, struct share_party *b, const struct platesieve_element *whole, void *context)
{
    struct pin *pin = context;
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];

    (void)a, (void)b;
    if (whole == NULL || platesieve_failed(platesieve_voprf_key_id(whole, key_id)) ||
        memcmp(key_id, pin->key_id, sizeof(key_id)) != 0)
        return;
    *pin->public_key = *whole;
    pin->found = true;
}

bool share_book_pinned(struct share_book *book, const char *epoch_id, const uint8_t key_id[PLATESIEVE_KEY_ID_BYTES],
                       struct platesieve_element *public_key)
{
    struct pin pin = { key_id, public_key, false };
    struct share_parties parties;

    collect(book, epoch_id, &parties);
    pairs(&parties, compare, &pin);
    return pin.found;
}

struct vote {
    struct platesieve_element *public_key;
    enum share_agreement agreement;
};

static void count_vote(struct share_party *a, struct share_party *b, const struct platesieve_element *whole,
                       void *context)
{
    struct vote *vote = context;

    (void)a, (void)b;
    if (whole == NULL) {
        vote->agreement = SHARES_DISAGREE;
    } else if (vote->agreement == SHARES_TOO_FEW) {
        *vote->public_key = *whole;
        vote->agreement = SHARES_AGREE;
    } else if (memcmp(whole, vote->public_key, sizeof(*whole)) != 0) {
        vote->agreement = SHARES_DISAGREE;
    }
}

enum share_agreement share_book_agreed(struct share_book *book, const char *epoch_id,
                                       struct platesieve_element *public_key)
{
    struct vote vote = { public_key, SHARES_TOO_FEW };
    struct share_parties parties;

    collect(book, epoch_id, &parties);
    pairs(&parties, count_vote, &vote);
    return vote.agreement;
}
