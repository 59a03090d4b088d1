#include "server/gate/check/tally_view.h"

static json_t *counts_json(const struct tally_counts *counts)
{
    return json_pack("{sI sI sI sI sI sI}", "reads", (json_int_t)counts->reads, "cleared", (json_int_t)counts->cleared, "hits", (json_int_t)counts->hits,
                     "again", (json_int_t)counts->again, "matches", (json_int_t)counts->matches, "calibration", (json_int_t)counts->calibration);
}

static json_t *lanes_json(const struct tally_view *view)
{
    json_t *lanes = json_array();
    for (size_t i = 0; i < view->lane_count; i++) {
        json_t *lane = counts_json(&view->lanes[i]);
        (void)json_object_set_new(lane, "lane", json_string(view->lane_names[i].name));
        (void)json_array_append_new(lanes, lane);
    }
    return lanes;
}

static json_t *grades_json(const uint64_t counts[PLATESIEVE_GRADES])
{
    json_t *grades = json_object();
    for (unsigned grade = 0; grade < PLATESIEVE_GRADES; grade++)
        (void)json_object_set_new(grades, platesieve_grade_name(grade), json_integer((json_int_t)counts[grade]));
    return grades;
}

static void add_truth(const struct tally_view *view, json_t *json)
{
    json_t *hits = json_object(), *matches = json_object();
    char name[2 * LIMIT_NAME_MAX + 2];

    for (size_t i = 0; i < view->list_count; i++) {
        const struct tally_list *list = &view->lists[i];
        if (list->matches == 0) continue;
        (void)snprintf(name, sizeof name, "%s/%s", list->name.agency, list->name.list);
        (void)json_object_set_new(hits, name, json_integer((json_int_t)list->hits));
        (void)json_object_set_new(matches, name, json_integer((json_int_t)list->matches));
    }
    (void)json_object_set_new(json, "covert", json_integer((json_int_t)view->covert));
    (void)json_object_set_new(json, "hits_by_grade", grades_json(view->hits_by_grade));
    (void)json_object_set_new(json, "hits_by_list", hits);
    (void)json_object_set_new(json, "matches_by_grade", grades_json(view->matches_by_grade));
    (void)json_object_set_new(json, "matches_by_list", matches);
}

json_t *tally_json(struct tally *tally, bool truth)
{
    struct tally_view view;
    json_t *json = NULL;

    if (tally_view(tally, truth, &view)) {
        json = counts_json(&view.total);
        (void)json_object_set_new(json, "lanes", lanes_json(&view));
        if (truth) add_truth(&view, json);
    }
    tally_view_free(&view);
    return json;
}
