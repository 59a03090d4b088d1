#include "client/identity/believed.h"

#include <errno.h>

#include "client/file.h"
#include "client/http/wiping.h"

#define FILE_BYTES_MAX (16u * 1024 * 1024)

static char *read_or_say(const char *path, size_t *size)
{
    char *text = file_read(path, FILE_BYTES_MAX, size);

    if (text == NULL) say("can't read %s: %s", path, strerror(errno));
    return text;
}

int believed_read(const struct settings *settings, const struct identity *identity, struct anchors *anchors)
{
    const bool has_crl = settings->crl != NULL && settings->crl[0] != '\0';
    size_t ca_size = 0, crl_size = 0;
    char *ca = read_or_say(identity->ca, &ca_size), *crl = has_crl ? read_or_say(settings->crl, &crl_size) : NULL;
    int code = CLIENT_FAILED;

    *anchors = (struct anchors) { 0 };
    if (ca != NULL && (crl != NULL || !has_crl)) {
        if (anchors_read(anchors, identity->trust_domain, ca, ca_size, crl, crl_size)) code = CLIENT_OK;
        else say("%s%s%s can't be used: PEM of the authority's certificate%s", identity->ca, has_crl ? " or " : "",
                 has_crl ? settings->crl : "", has_crl ? " and of its revocation list" : "");
    }
    wiping_free(ca);
    wiping_free(crl);
    return code;
}
