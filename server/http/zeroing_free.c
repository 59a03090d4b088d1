/* free() and realloc() that wipe, in front of glibc's: buffers of libmicrohttpd, GnuTLS, jansson and libpq, which hold
   what clients sent, leave nothing behind when they are given back.  (glibc's M_PERTURB does not do it: the thread
   cache bypasses it.)  Each daemon lists this file among its own sources, so that it is linked whatever else is.
   Sanitizers bring their own allocator. */
#ifndef PLATESIEVE_SANITIZER

#include <errno.h>
#include <malloc.h>
#include <stdint.h>

void __libc_free(void *memory);
void *__libc_malloc(size_t size);

__attribute__((visibility("default"))) void free(void *memory);
__attribute__((visibility("default"))) void *realloc(void *memory, size_t size);

static void wipe(void *memory, size_t size)
{
    memset(memory, 0, size);
    __asm__ __volatile__("" : : "r"(memory) : "memory"); /* keeps the compiler from dropping a last write */
}

void free(void *memory)
{
    if (memory == NULL) return;
    int saved = errno; /* glibc's free() keeps errno, and callers rely on it */
    wipe(memory, malloc_usable_size(memory));
    __libc_free(memory);
    errno = saved;
}

void *realloc(void *memory, size_t size)
{
    if (memory == NULL) return __libc_malloc(size);
    if (size == 0) {
        free(memory);
        return NULL;
    }
    size_t had = malloc_usable_size(memory);
    if (size <= had && size >= had / 2) { /* in place; the tail that is given up is wiped */
        wipe((char *)memory + size, had - size);
        return memory;
    }
    void *moved = __libc_malloc(size);
    if (moved == NULL) return NULL;
    memcpy(moved, memory, size < had ? size : had);
    free(memory);
    return moved;
}

#else
typedef int zeroing_free_is_not_built; /* a translation unit must not be empty */
#endif
