#include "server/http/internal.h"

#define STACK_BYTES 8192 /* deeper than a handler's calls go; tests/http/test_memory.py looks for what is left */

__attribute__((noinline)) void stack_wipe(void)
{
    unsigned char below[STACK_BYTES];
    memset(below, 0, sizeof below);
    __asm__ __volatile__("" : : "r"(below) : "memory"); /* the compiler must believe that it is read */
}
