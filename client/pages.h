/* A region of locked memory that is handed out in pages.  It takes room in the machine's memory only as it is touched; what is given back is wiped, and
 * goes back to the kernel, but for the region's beginning.  Left out of core files and of children.  Any thread. */
#ifndef CLIENT_PAGES_H
#define CLIENT_PAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "include/cleanup.h"

struct pages;

/* Room for BYTES, or, where no more may be locked, for a half, a quarter and so on, but for LEAST.  NULL: not even that.  The first STAYS bytes, which are
 * taken before all others, stay in memory once they were touched: for what comes and goes all the time. */
struct pages *pages_create(size_t bytes, size_t least, size_t stays) MUST_USE;
void pages_destroy(struct pages *pages); /* wipes; NULL is fine */
size_t pages_size(const struct pages *pages);
size_t pages_used(struct pages *pages);
/* SIZE bytes, zero; NULL unless so much is free and another KEEP bytes remain. */
void *pages_take(struct pages *pages, size_t size, size_t keep);
/* SIZE as taken, of which the first WRITTEN bytes were written to.  NULL is fine. */
void pages_give_back(struct pages *pages, void *memory, size_t size, size_t written);

#endif
