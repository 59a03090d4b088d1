#include "client/wiping.h"

#include <curl/curl.h>
#include <jansson.h>
#include <malloc.h>
#include <openssl/crypto.h>
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

bool wiping_install(void)
{
    json_set_alloc_funcs(malloc, wiping_free);
    return CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) == 1 &&
           curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup, calloc) == CURLE_OK;
}
