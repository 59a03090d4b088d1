/* Strangers: clients that show no certificate, because they are about to ask for their first.  They are let in by few,
   for seconds, for one request each, and only to routes marked ROLE_STRANGER; so nothing that they do takes a place
   from somebody who has a certificate. */
#ifndef SERVER_HTTP_STRANGERS_H
#define SERVER_HTTP_STRANGERS_H

#include <platesieve/limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct strangers;

struct strangers *strangers_create(void); /* NULL without memory */
void strangers_destroy(struct strangers *strangers); /* NULL is fine */

/* The place that ADDRESS counts as, for limits: an IPv4 address, or the /64 of an IPv6 one; "" for others. */
void strangers_place(const struct sockaddr *address, char place[LIMIT_ADDRESS_TEXT + 1]);

/* May one more from PLACE come in at NOW_MS (monotonic)?  At most LIMIT_STRANGERS at a time, LIMIT_STRANGERS_PER_ADDRESS
   of one place; and of each no more than its rate.  After true, strangers_leave() once.  Any thread. */
bool strangers_enter(struct strangers *strangers, const char *place, int64_t now_ms);
void strangers_leave(struct strangers *strangers, const char *place);

#endif
