/* Names in certificates: "reader/north/1" (docs/protocol.md, chapter Names). */
#ifndef CLIENT_IDENTITY_NAME_H
#define CLIENT_IDENTITY_NAME_H

#include <platesieve/limits.h>
#include <stdbool.h>
#include <stddef.h>

/* A name, taken apart.  operator/gate/olga: role "operator", first "gate", second "olga". */
struct name {
    char text[LIMIT_IDENTITY_MAX + 1];
    char role[LIMIT_NAME_MAX + 1];
    char first[LIMIT_NAME_MAX + 1];
    char second[LIMIT_NAME_MAX + 1]; /* empty where the role has one part */
};

/* False for anything that no certificate may carry. */
bool name_parse(const char *text, struct name *name);
/* One part: 1 to 48 of a-z 0-9 - _ . beginning with a letter or digit. */
bool name_part_valid(const char *text);
/* The host of "spiffe://<trust domain>/...": a-z 0-9 - . only. */
bool trust_domain_valid(const char *text);
/* Splits "spiffe://<trust domain>/<name>"; false if it isn't one. */
bool spiffe_parse(const char *uri, size_t size, char trust_domain[LIMIT_TRUST_DOMAIN_MAX + 1], struct name *name);
/* "north.1" of reader/north/1: the name of its files, below the role's folder. */
void name_file(const struct name *name, char file[LIMIT_IDENTITY_MAX + 1]);

#endif
