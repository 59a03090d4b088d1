/* Reads and alerts that do not exist. */
#ifndef TESTS_UNIT_ALERTS_SCENE_H
#define TESTS_UNIT_ALERTS_SCENE_H

#include <stdio.h>
#include <string.h>

#include "client/lane/read.h"

static inline struct lane_read scene_read(const char *plate, uint8_t id, struct image *image)
{
    struct lane_read read = { .engine = "plain", .image = image, .check = { .count = 2, .seen_ms = 1770000000000 } };

    memset(read.check.id, id, sizeof(read.check.id));
    snprintf(read.camera, sizeof(read.camera), "north \"1\"");
    snprintf(read.raw[0], sizeof(read.raw[0]), "%s", plate);
    snprintf(read.raw[1], sizeof(read.raw[1]), "SECOND");
    read.check.candidates[0] = (struct check_candidate) { .confidence = 0.9, .jurisdiction = { "US-TX" } };
    read.check.candidates[1] = (struct check_candidate) { .confidence = 0.25 };
    return read;
}

static inline struct check_alert scene_alert(const char *hit, enum platesieve_grade grade, unsigned candidate)
{
    struct check_alert alert = { .grade = grade, .candidate = candidate, .priority = 20, .revision = 3, .age_s = 26 * 3600 };

    snprintf(alert.hit, sizeof(alert.hit), "%s", hit);
    snprintf(alert.agency, sizeof(alert.agency), "customs");
    snprintf(alert.list, sizeof(alert.list), "stolen");
    snprintf(alert.category, sizeof(alert.category), "stolen vehicle");
    snprintf(alert.instruction, sizeof(alert.instruction), "Stop \"and\" ask\\call");
    snprintf(alert.epoch, sizeof(alert.epoch), "20261122T000000Z");
    return alert;
}

#endif
