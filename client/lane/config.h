/* What `platesieve lane --config FILE` was told; platesieve-lane.conf(5) says what each key means. */
#ifndef CLIENT_LANE_CONFIG_H
#define CLIENT_LANE_CONFIG_H

#include "client/client.h"
#include "client/engines/engine.h"

#define LANE_OVERRIDES_MAX 64
#define LANE_OVERRIDE_NAME_MAX 32 /* bytes; the INI library cuts longer sections off */

/* [engine NAME] and [camera NAME]: what is understood otherwise there.  A camera's goes before its engine's. */
struct lane_override {
    bool camera; /* of a camera, not of an engine */
    char name[LANE_OVERRIDE_NAME_MAX + 1];
    bool codes_known, country_known, month_first_known, month_first;
    enum platesieve_codes codes;
    char country[3];
    char as_camera[ENGINE_CAMERA_MAX + 1]; /* "": as the message says */
};

/* Texts are malloc'ed; NULL where they were left out and have no default. */
struct lane_config {
    char *as, *pki, *ca, *crl, *gate, *keys, *shared_keys;
    char *listen; /* "127.0.0.1:8555" */
    char *engines, *codes_text, *country;
    bool month_first;
    unsigned long long candidates, vehicle_window_ms, caption_vehicles, caption_again_s;
    char *confidence_text, *region_confidence_text;
    unsigned long long waiting_reads, waiting_age_s, catch_up_rate;
    unsigned long long images_mib, message_bytes; /* message_bytes 0: what goes with images_mib */
    bool print, alerts_json, show_plates;
    char *command, *display;
    unsigned long long keep_s, keep_max, late_s;
    char *calibration_plate, *calibration_jurisdiction, *calibration_agency, *calibration_list;
    unsigned long long calibration_interval_s, report_interval_s;
    char *log_file;
    unsigned long long log_interval_s;

    /* -- made of these -- */
    double confidence, region_confidence; /* 0 to 1 */
    bool codes_known;
    enum platesieve_codes codes;
    size_t override_count;
    struct lane_override overrides[LANE_OVERRIDES_MAX];
};

/* Reads FILE.  False, and one line on standard error that names file and line or key and never a value. */
bool lane_config_read(const char *file, struct lane_config *config) MUST_USE;
void lane_config_free(struct lane_config *config);

/* Puts what the file says in place of what the environment said; what the command line said (it differs from ENVIRONMENT) stays. */
void lane_config_settings(const struct lane_config *config, const struct settings *environment, struct settings *settings);
/* Is ENGINE one of those that are listened for? */
bool lane_config_wants(const struct lane_config *config, const struct engine *engine);
/* How messages of ENGINE are understood that were posted for CAMERA (NULL: for none in particular). */
void lane_config_options(const struct lane_config *config, const struct engine *engine, const char *camera, struct engine_options *options);

#endif
