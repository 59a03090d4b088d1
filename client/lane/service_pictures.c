/* Pictures of the service's hits: on their way to the agency, sealed (picture.c); and what became of them. */
#include "client/lane/service.h"

#include "client/lane/picture.h"

/* What a read without a picture, or a list without recipients, comes to is nothing to tell. */
static bool is_told(const struct lane_picture_news *news)
{
    return strcmp(news->outcome, "none") != 0 && strcmp(news->outcome, "not-wanted") != 0;
}

static void told(void *context, const struct lane_picture_news *news)
{
    struct lane_service *service = context;
    const bool well = strcmp(news->outcome, "stored") == 0 || strcmp(news->outcome, "enough") == 0;

    if (!is_told(news)) return;
    lane_counts_delivered(&service->counts, WAY_PICTURE, well);
    if (news->alarm != NULL) {
        count_add(&service->counts.false_recipients, 1);
        say("ALARM: the recipients that a gate named for pictures of %s/%s can't be believed: %s.  Nothing was sealed to them.", news->agency, news->list,
            news->alarm);
    } else if (!well) {
        say("NO PICTURE for %s/%s of hit %s: %s%s%s", news->agency, news->list, news->hit, news->outcome, news->problem[0] == '\0' ? "" : ", ",
            news->problem);
    }
}

bool pictures_begin(struct lane_service *service)
{
    const struct lane_pictures_settings settings = { .settings = service->settings, .identity = &service->identity, .told = told, .context = service };

    service->pictures = lane_pictures_start(&settings);
    return service->pictures != NULL;
}

void pictures_send(struct lane_service *service, const struct check_alert *alert, size_t server, struct image *image)
{
    if (service->pictures != NULL) lane_pictures_add_image(service->pictures, image, alert, server);
}

/* Whichever gate answered then: those that do not know the hit say so, and the next is asked. */
void pictures_came_late(void *context, const struct check_alert *alert, struct image *image)
{
    pictures_send(context, alert, 0, image);
}

void pictures_end(struct lane_service *service, unsigned wait_s)
{
    lane_pictures_stop(service->pictures, wait_s);
    service->pictures = NULL;
}
