/* The PKCS#11 URI (RFC 7512) in the operator's settings that names a key on a token.

     pkcs11:token=LABEL;object=NAME?pin-source=file:PATH
     pkcs11:serial=…;id=%01?pin-source=credential:NAME&module-path=/usr/lib/…/module.so

   Honoured: token, manufacturer, serial, model, slot-…, library-…, object, id, type=secret-key; pin-source with file: or credential:;
   module-path, absolute, because the URI is the operator's own: that module's code runs in the daemon.  Refused, rather than passed
   over: pin-value (the settings are no place for it), pin-source with a command, module-name, and what is not known. */
#ifndef SERVER_HTTP_PKCS11_URI_H
#define SERVER_HTTP_PKCS11_URI_H

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>
#include <stdio.h>

#include "server/http/reason.h"

/* REASON_SETTINGS with a line on ERRORS that begins with SETTING and says which attribute, never its value.  p11_kit_uri_free()
   is the caller's; *uri is NULL on failure. */
struct result pkcs11_uri_parse(const char *setting, const char *text, P11KitUri **uri, FILE *errors);

#endif
