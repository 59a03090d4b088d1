#include "client/identity/identity.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static bool read_uri_name(X509 *certificate, struct identity *identity)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool found = false;

    for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names) && !found; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        const ASN1_STRING *uri = name->type == GEN_URI ? name->d.uniformResourceIdentifier : NULL;

        found = uri != NULL && spiffe_parse((const char *)ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri),
                                            identity->trust_domain, &identity->name);
    }
    GENERAL_NAMES_free(names);
    return found;
}

bool identity_read(struct identity *identity)
{
    FILE *file = fopen(identity->certificate, "re");
    X509 *certificate;
    bool read;

    if (file == NULL) {
        say("can't read %s: %s", identity->certificate, strerror(errno));
        return false;
    }
    certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    read = certificate != NULL && read_uri_name(certificate, identity);
    X509_free(certificate);
    if (!read) say("%s is not a certificate with a name of Platesieve", identity->certificate);
    return read;
}
