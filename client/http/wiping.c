#include "client/http/wiping.h"

#include <assert.h>
#include <curl/curl.h>
#include <jansson.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <setjmp.h>
#include <sodium.h>

void wiping_free(void *memory)
{
    if (memory == NULL) return;
    sodium_memzero(memory, malloc_usable_size(memory));
    free(memory);
}

void *wiping_realloc(void *memory, size_t size)
{
    const size_t old = memory == NULL ? 0 : malloc_usable_size(memory);
    void *moved;

    if (size <= old && size > old / 2) return memory;
    moved = malloc(size);
    if (moved == NULL) return NULL;
    if (memory != NULL) memcpy(moved, memory, old < size ? old : size);
    wiping_free(memory);
    return moved;
}

static void *openssl_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(size);
}

static void *openssl_realloc(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return wiping_realloc(memory, size);
}

static void openssl_free(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    wiping_free(memory);
}

/* -- JSON in an arena ---------------------------------------------------------------------------------------------- */

static _Thread_local struct {
    struct platesieve_arena *arena; /* NULL: on the heap */
    jmp_buf full;
} scope;

/* Not by telling the parser: jansson 2.14 reads past the end of a string that it found no memory for. */
void *wiping_arena_allocate(size_t size)
{
    void *memory = platesieve_arena_allocate(scope.arena, size);

    if (memory == NULL) longjmp(scope.full, 1);
    return memory;
}

bool wiping_arena_run(struct platesieve_arena *arena, void (*parse)(void *context), void *context)
{
    assert(scope.arena == NULL && arena != NULL);
    scope.arena = arena;
    if (setjmp(scope.full) != 0) {
        scope.arena = NULL;
        return false;
    }
    parse(context);
    scope.arena = NULL;
    return true;
}

static void *json_malloc_here(size_t size)
{
    return scope.arena != NULL ? wiping_arena_allocate(size) : malloc(size);
}

static void json_free_here(void *memory)
{
    if (scope.arena == NULL) wiping_free(memory);
}

/* ------------------------------------------------------------------------------------------------------------------ */

bool wiping_install(void)
{
    json_set_alloc_funcs(json_malloc_here, json_free_here);
    return CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) == 1 &&
           curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup, calloc) == CURLE_OK;
}
