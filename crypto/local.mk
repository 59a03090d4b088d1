# libplatesieve: from a plate to a token and a slot.  No I/O, no threads, nothing kept between calls.
lib_LTLIBRARIES += libplatesieve.la
libplatesieve_la_SOURCES = \
	crypto/ceremony.c \
	crypto/jurisdiction.c \
	crypto/jurisdiction_table.c \
	crypto/jurisdiction_table.h \
	crypto/keyed.c \
	crypto/keyed.h \
	crypto/message.c \
	crypto/plate.c \
	crypto/reason.c \
	crypto/secret.c \
	crypto/slot.c \
	crypto/suite.h \
	crypto/suite_hmac.c \
	crypto/token.c \
	crypto/voprf.h \
	crypto/voprf_batch.c \
	crypto/voprf_group.c \
	crypto/voprf_hash.c \
	crypto/voprf_key.c \
	crypto/voprf_proof.c \
	crypto/voprf_share.c \
	crypto/voprf_sum.c
libplatesieve_la_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(DECAF_CFLAGS) $(NETTLE_CFLAGS) $(UTF8PROC_CFLAGS)
libplatesieve_la_LIBADD = $(SODIUM_LIBS) $(DECAF_LIBS) $(NETTLE_LIBS) $(UTF8PROC_LIBS)
# current:revision:age.  A release that only adds functions: C+1:0:A+1.  One that takes away or changes: C+1:0:0.
libplatesieve_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined $(WHOLE_LDFLAGS) \
	-Wl,--version-script=$(srcdir)/crypto/libplatesieve.map
libplatesieve_la_DEPENDENCIES = crypto/libplatesieve.map
EXTRA_DIST += crypto/libplatesieve.map

pkgconfig_DATA = crypto/libplatesieve.pc

# List headers and sealed pictures, for the client and the gate: what needs OpenSSL's CMS.  Not part of libplatesieve.
noinst_LIBRARIES += crypto/libevidence.a
crypto_libevidence_a_SOURCES = \
	crypto/anchors.c \
	crypto/anchors.h \
	crypto/evidence.h \
	crypto/evidence_check.c \
	crypto/evidence_form.c \
	crypto/evidence_noise.c \
	crypto/evidence_seal.c \
	crypto/list_header.c \
	crypto/list_header.h \
	crypto/list_header_json.c
crypto_libevidence_a_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)
EVIDENCE_LIBS = crypto/libevidence.a $(CRYPTO_LIBS) $(JANSSON_LIBS) $(SODIUM_LIBS)
