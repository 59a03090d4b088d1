/* Settings of platesieve-keyd: platesieved.conf(5), section [keyd]. */
#ifndef SERVER_KEYS_CONFIG_H
#define SERVER_KEYS_CONFIG_H

#include <platesieve/platesieve.h>
#include <stdio.h>

#include "server/http/quota_profile.h"
#include "server/keys/schedule.h"

struct config {
    char *name, *trust_domain, *listen, *metrics_listen;
    char *certificate, *key, *ca, *crl, *registry;
    char *state_dir, *master_key;
    char *suite_name;
    unsigned long long threads, workers, connections_max;
    unsigned long long epoch_length_s, epoch_overlap_s, epochs_ahead, destroy_after_s;

    struct schedule schedule; /* made of the four above */
    enum platesieve_suite suite;
    struct quota_profiles quotas;
};

/* 0, or -1 with one line on ERRORS; config_free() is due either way. */
int config_read(const char *file, struct config *config, FILE *errors);
void config_free(struct config *config);

#endif
