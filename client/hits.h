/* Between the files of `platesieve hits`. */
#ifndef CLIENT_HITS_H
#define CLIENT_HITS_H

#include "client/client.h"

/* A hit's id as it travels: 22 characters of base64url. */
bool hit_id_valid(const char *text);

int command_hits_verdict(struct settings *settings, int argc, char **argv);

#endif
