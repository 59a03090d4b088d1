/* The page that shows alerts in a browser: one document without anything from elsewhere (client/alerts/page.html). */
#ifndef CLIENT_ALERTS_PAGE_H
#define CLIENT_ALERTS_PAGE_H

#include <stddef.h>

#include "include/cleanup.h"

#define DISPLAY_POLICY_TEXT 512

/* text/html; static. */
extern const char display_page[];
extern const size_t display_page_size;
/* Its Content-Security-Policy: this page's own script and style, by their hashes, and requests to where it came from. */
void display_policy(char policy[DISPLAY_POLICY_TEXT]);

#endif
