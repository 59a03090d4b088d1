/* Pictures in locked memory: bounded, shared, wiped, and given back. */
#include "client/pages.h"
#include "client/picture/images.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <platesieve/platesieve.h>

#include "tests/unit/cmocka_all.h"

#define ROOM (1024u * 1024)
#define NOBODY 65534
#define PUTTERS 4
#define ROUNDS 300

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* How many of the pages that hold SIZE bytes at ADDRESS are in memory. */
static size_t resident(const uint8_t *address, size_t size)
{
    const size_t pages = (size + page_size() - 1) / page_size();
    unsigned char present[64] = { 0 };
    size_t count = 0;

    assert_true(pages <= sizeof(present));
    assert_int_equal(mincore((void *)(uintptr_t)address, size, present), 0);
    for (size_t i = 0; i < pages; i++) count += present[i] & 1u;
    return count;
}

static void test_a_copy_is_kept_until_its_last_holder(void **state)
{
    struct images *images = images_create(ROOM);
    uint8_t bytes[5000];
    struct image *image;
    const uint8_t *kept;
    size_t size;

    (void)state;
    memset(bytes, 0xA5, sizeof(bytes));
    memcpy(bytes, "\xff\xd8\xff\xe0", 4);
    assert_non_null(images);
    assert_int_equal(images_room(images), ROOM);
    image = images_put(images, bytes, sizeof(bytes));
    assert_non_null(image);
    kept = image_bytes(image, &size);
    assert_int_equal(size, sizeof(bytes));
    assert_ptr_not_equal(kept, bytes);
    assert_memory_equal(kept, bytes, size);
    assert_string_equal(image_type(image), "image/jpeg");
    assert_int_equal(images_used(images), 2 * page_size());
    assert_ptr_equal(image_hold(image), image);
    image_release(image);
    assert_memory_equal(kept, bytes, size);
    image_release(image);
    assert_int_equal(images_used(images), 0);
    for (size_t i = 0; i < sizeof(bytes); i++) assert_int_equal(kept[i], 0); /* the region is still there */
    images_destroy(images);
    image_release(NULL);
    assert_null(image_hold(NULL));
    images_destroy(NULL);
}

static void test_pages_are_given_back(void **state)
{
    struct images *images = images_create(ROOM);
    static uint8_t bytes[100000];
    struct image *image;
    const uint8_t *kept;
    size_t size;

    (void)state;
    memset(bytes, 1, sizeof(bytes));
    assert_non_null(images);
    image = images_put(images, bytes, sizeof(bytes));
    assert_non_null(image);
    kept = image_bytes(image, &size);
    assert_int_equal(resident(kept, size), (size + page_size() - 1) / page_size());
    image_release(image);
    assert_int_equal(resident(kept, size), 0);
    images_destroy(images);
}

/* Small messages come and go: each would cost a call to give back what it touched, and faults to get it again. */
static void test_the_beginning_stays(void **state)
{
    const size_t page = page_size();
    struct pages *pages = pages_create(16 * page, 16 * page, 4 * page);
    uint8_t *memory, *behind;

    (void)state;
    assert_non_null(pages);
    memory = pages_take(pages, 3 * page, 0);
    assert_non_null(memory);
    memset(memory, 0xA5, 3 * page);
    behind = pages_take(pages, 3 * page, 0);
    assert_ptr_equal(behind, memory + 3 * page);
    memset(behind, 0xA5, 3 * page);
    pages_give_back(pages, memory, 3 * page, 3 * page);
    pages_give_back(pages, behind, 3 * page, 3 * page);
    assert_int_equal(resident(memory, 16 * page), 4);
    assert_ptr_equal(pages_take(pages, 6 * page, 0), memory);
    for (size_t i = 0; i < 6 * page; i++) assert_int_equal(memory[i], 0);
    pages_give_back(pages, memory, 6 * page, 0);
    assert_int_equal(pages_used(pages), 0);
    pages_destroy(pages);
}

static void test_there_is_no_room_for_more(void **state)
{
    struct images *images = images_create(ROOM);
    static uint8_t bytes[ROOM + 1];
    struct image *all[5] = { NULL };

    (void)state;
    assert_non_null(images);
    assert_null(images_put(images, bytes, 0));
    assert_null(images_put(images, bytes, ROOM + 1));
    for (size_t i = 0; i < 4; i++) {
        all[i] = images_put(images, bytes, ROOM / 4 - 1);
        assert_non_null(all[i]);
    }
    assert_int_equal(images_used(images), ROOM);
    assert_null(images_put(images, bytes, 1));
    image_release(all[1]);
    image_release(all[2]);
    all[1] = images_put(images, bytes, ROOM / 2); /* what was two is one again */
    assert_non_null(all[1]);
    assert_null(images_put(images, bytes, 1));
    image_release(all[0]);
    image_release(all[1]);
    image_release(all[3]);
    all[0] = images_put(images, bytes, ROOM);
    assert_non_null(all[0]);
    image_release(all[0]);
    images_destroy(images);
}

static void test_types(void **state)
{
    struct images *images = images_create(ROOM);
    struct image *png, *other;

    (void)state;
    assert_non_null(images);
    png = images_put(images, (const uint8_t *)"\x89PNG\r\n\x1a\n....", 12);
    other = images_put(images, (const uint8_t *)"<", 1);
    assert_string_equal(image_type(png), "image/png");
    assert_string_equal(image_type(other), "application/octet-stream");
    image_release(png);
    image_release(other);
    images_destroy(images);
}

static void *put_and_release(void *argument)
{
    struct images *images = argument;
    uint8_t bytes[9000];

    for (unsigned i = 0; i < ROUNDS; i++) {
        const size_t size = 1 + (i * 37) % sizeof(bytes);
        struct image *image, *held;
        size_t kept_size;

        memset(bytes, (int)(i % 255 + 1), sizeof(bytes));
        image = images_put(images, bytes, size);
        if (image == NULL) continue;
        held = image_hold(image);
        image_release(image);
        if (memcmp(image_bytes(held, &kept_size), bytes, size) != 0 || kept_size != size) return argument;
        image_release(held);
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct images *images = images_create(ROOM);
    pthread_t threads[PUTTERS];

    (void)state;
    assert_non_null(images);
    for (size_t i = 0; i < PUTTERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, put_and_release, images), 0);
    for (size_t i = 0; i < PUTTERS; i++) {
        void *wrong;

        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    assert_int_equal(images_used(images), 0);
    images_destroy(images);
}

/* An ordinary user may lock 8 MB: there is room for fewer pictures, and others can still lock. */
static int with_little_to_lock(void)
{
    const struct rlimit little = { 8u << 20, 8u << 20 }, nothing = { 4096, 4096 };
    struct images *images;

    if (setrlimit(RLIMIT_MEMLOCK, &little) != 0 || (geteuid() == 0 && setuid(NOBODY) != 0)) return 2;
    images = images_create(64u << 20);
    if (images == NULL || images_room(images) != 4u << 20) return 3;
    if (platesieve_secret_allocate((size_t)1 << 20) == NULL) return 4;
    images_destroy(images);
    if (setrlimit(RLIMIT_MEMLOCK, &nothing) != 0) return 5;
    return images_create(64u << 20) == NULL ? 0 : 6;
}

static void test_less_room(void **state)
{
    int status;
    pid_t child;

    (void)state;
#ifdef PLATESIEVE_SANITIZER
    print_message("SKIPPED: AddressSanitizer ignores mlock()\n");
    skip();
#endif
    child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(with_little_to_lock());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_copy_is_kept_until_its_last_holder),
        cmocka_unit_test(test_pages_are_given_back),
        cmocka_unit_test(test_the_beginning_stays),
        cmocka_unit_test(test_there_is_no_room_for_more),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_less_room),
    };

    return platesieve_failed(platesieve_init()) ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
