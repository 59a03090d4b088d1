/* Every limit of Platesieve, with its unit in its name.  The protocol's own sizes come first; a change there is a change of
   protocol.  Relations between limits are asserted at the end. */
#ifndef PLATESIEVE_LIMITS_H
#define PLATESIEVE_LIMITS_H

#include <assert.h>

/* -- the protocol: sizes in bytes ---------------------------------------------------------------------------------- */
#define PLATESIEVE_PLATE_MAX 12          /* characters of a canonical plate; at least 1 */
#define PLATESIEVE_PLATE_RAW_MAX 256     /* bytes of a plate as somebody wrote it */
#define PLATESIEVE_JURISDICTION_MAX 6    /* "MX-BCN" */
#define PLATESIEVE_MESSAGE_MAX 48        /* "platesieve/1" 00 grade 00 jurisdiction 00 text */
#define PLATESIEVE_KEY_BYTES 32          /* an epoch key of suite hmac-sha256 */
#define PLATESIEVE_TOKEN_BYTES 16
#define PLATESIEVE_PROOF_KEY_BYTES 16
#define PLATESIEVE_TAG_BYTES 8
#define PLATESIEVE_SLOT_BYTES 16
#define PLATESIEVE_KEY_ID_BYTES 16
#define PLATESIEVE_HIT_ID_BYTES 16
#define PLATESIEVE_READ_ID_BYTES 16
#define PLATESIEVE_NEAR_LENGTH_MIN 5     /* characters of a folded text that has a whole `near` set; one less has one text */
#define PLATESIEVE_NEAR_MAX (2 * PLATESIEVE_PLATE_MAX + 1)
#define PLATESIEVE_SEED_BYTES 32         /* what a key pair, or a server's share of it, is derived from */
#define PLATESIEVE_ELEMENT_BYTES 32      /* an element of ristretto255: blinded, evaluated, a public key */
#define PLATESIEVE_VOPRF_PROOF_BYTES 64
#define PLATESIEVE_VOPRF_BATCH_MAX 256   /* elements under one proof */
#define PLATESIEVE_KEY_SERVERS 3         /* that share an epoch's key; any two of them evaluate */
#define PLATESIEVE_COMMITMENT_BYTES 32   /* to a seed of a ceremony */
#define PLATESIEVE_CEREMONY_ID_BYTES 16
#define PLATESIEVE_TOKEN_TEXT 22         /* base64url without padding of a token, key id, read id, hit id */
#define PLATESIEVE_TAGGED_TEXT 32        /* base64url of token and tag, 24 bytes */

/* -- names: bytes without the ending zero -------------------------------------------------------------------------- */
#define LIMIT_NAME_MAX 48                /* one part of a certificate's name: site, lane, agency, user; a list's id */
#define LIMIT_IDENTITY_MAX 128           /* role and all parts, without the trust domain */
#define LIMIT_TRUST_DOMAIN_MAX 128
#define LIMIT_EPOCH_ID_MAX 32
#define LIMIT_REFERENCE_MAX 64
#define LIMIT_CATEGORY_MAX 48
#define LIMIT_INSTRUCTION_MAX 256
#define LIMIT_POLICY_TEXT 16             /* a policy's version, hexadecimal */

/* -- checks -------------------------------------------------------------------------------------------------------- */
#define LIMIT_CHECK_BODY_BYTES (256 * 1024)
#define LIMIT_CHECK_READS 64             /* reads in one request */
#define LIMIT_CHECK_CANDIDATES 8         /* candidates of one read */
#define LIMIT_EPOCHS_OPEN 4              /* epochs open at one time */
#define LIMIT_EPOCHS_KNOWN 64            /* epochs that one machine keeps in mind */
#define LIMIT_ALERTS 16                  /* alerts of one read */
#define LIMIT_MATCHES_PER_LIST 16        /* entries of one list that one read may match; the strongest are kept */
#define LIMIT_CHECK_SIGHTINGS 16384      /* of one request; with more it is refused */
#define LIMIT_COOLDOWN_RECORDS (1u << 18) /* entries and lanes in cooldown that a gate remembers */
#define LIMIT_RECALL_RECORDS (1u << 18)  /* that a gate remembers of reads that matched, so as to count each once; three or four a read */
#define LIMIT_EXCESS_LANES 4096          /* whose reads are counted, to find lists that hit too many of them */
#define LIMIT_EXCESS_PAIRS (1u << 15)    /* of a lane and a list that hit there */
#define LIMIT_EXCESS_READS 20000         /* of a lane, after which counting begins anew */
#define LIMIT_VIEWS 1024                 /* sites for which a gate works out in advance what is wanted */
#define LIMIT_SEEN_AGE_S 86400           /* a read may be this old ... */
#define LIMIT_SEEN_AHEAD_S 300           /* ... or this far ahead of the gate's clock */
#define LIMIT_CLOCK_OFF_S 60             /* a lane whose clock is further from the gate's says times by the gate's */
#define LIMIT_SEEN_LATE_S 30             /* what a lane hears of so long after it was seen is not there any more */

/* -- a lane's vehicles ------------------------------------------------------------------------------------------------ */
#define LIMIT_VEHICLES 256               /* that a lane tells apart at one time; with more, the one not seen for longest is forgotten */
#define LIMIT_VEHICLE_SPELLINGS 32       /* asked about for one read; what comes after begins another */
#define LIMIT_VEHICLE_REGIONS 4          /* jurisdictions stated for one, likewise */
#define LIMIT_VEHICLE_AGAIN_S 60         /* a vehicle that stays is asked about anew after so long; one that is not seen for so long is forgotten ... */
#define LIMIT_VEHICLE_READ_S 3600        /* ... and one that stays on is a new read after so long */
#define LIMIT_VEHICLE_IDS 4096           /* of engines, of all vehicles */
#define LIMIT_CAPTIONS 512               /* texts of which a lane counts with how many vehicles they come */
#define LIMIT_CAPTION_CAMERAS 64
#define LIMIT_CAPTION_COMPANIONS 8       /* last readings beside a text: another vehicle has another one */
#define LIMIT_CAPTION_KEPT_S 86400       /* a caption that does not come any more, and that a text was on a list */
#define LIMIT_CAPTION_MAYBE_S 600        /* a text that is none yet */
#define LIMIT_CAPTION_ALONE_TIMES 24     /* a text that is read alone must come for so many times the time after which it is asked about again */

/* -- how lanes fare ------------------------------------------------------------------------------------------------- */
#define LIMIT_LANES 4096                 /* that a gate keeps in mind */
#define LIMIT_LANE_REPORT_BYTES 4096     /* a lane's report */
#define LIMIT_LANE_VERSION_MAX 32        /* bytes of the version that a lane says it is */
#define LIMIT_LANE_INTERVAL_S 3600       /* between two reports, or two calibrations, at most */
#define LIMIT_LANE_COUNT (UINT64_C(1) << 53) /* of anything that a lane counts */
#define LIMIT_LANE_SILENCE_S 30          /* a lane that reports is silent after three intervals, and after so long at least */
#define LIMIT_LANE_GONE_DAYS 30          /* a lane that is not registered any more is forgotten so long after its last word */

/* -- lists --------------------------------------------------------------------------------------------------------- */
#define LIMIT_PART_BYTES (4 * 1024 * 1024)
#define LIMIT_PART_LINE_BYTES (1024 * 1024) /* a partial plate for eight epochs */
#define LIMIT_PARTS 4096                 /* parts of one revision */
#define LIMIT_ENTRY_EPOCHS 8             /* epochs that one entry carries tokens for */
#define LIMIT_ENTRY_TOKENS 1225          /* tokens of one entry, epoch and grade: a partial plate, 35 times 35 */
#define LIMIT_LISTS_PER_AGENCY 256
#define LIMIT_LISTS 4096
#define LIMIT_SITES_PER_LIST 64
#define LIMIT_REVISIONS_OPEN 4           /* pushes under way on one list */
#define LIMIT_COOLDOWN_S 86400
#define LIMIT_CALIBRATION_ENTRIES 16     /* of a calibration list ... */
#define LIMIT_CALIBRATION_TOKENS 64      /* ... for one epoch: whole plates */
#define LIMIT_CALIBRATION_DAYS 7         /* that its hits are kept at most */
#define LIMIT_RETENTION_DAYS 3650
#define LIMIT_SUPPRESSIONS_PER_LIST 256  /* entries that raise no hits at a lane, for a while ... */
#define LIMIT_SUPPRESSIONS 16384         /* ... and of all lists */
#define LIMIT_SUPPRESS_DAYS 366          /* for how long at most, whatever the settings say */
#define LIMIT_SHARES_PER_LIST 16         /* agencies that a list's hits are shared with at one time */
#define LIMIT_SHARES_SHOWN 1000          /* in one answer */
#define LIMIT_SHARE_DAYS 366             /* how long a share may last, whatever the settings say */
#define LIMIT_NOTE_MAX 200               /* bytes of why */
#define LIMIT_FLAGS 1000                 /* flagged entries in one answer */
#define LIMIT_LANE_WORDS 16              /* of a lane on one hit, that change something */
#define LIMIT_LANE_WORD_AGE_S 86400      /* after it was recorded */
#define LIMIT_ACTION_MAX 16              /* bytes of the name of an action that a verdict tells */
#define LIMIT_PRIORITY 100
#define LIMIT_REASON_MAX 256             /* bytes of why a list is suspended */
#define LIMIT_ENDED_NAMED_S 86400        /* so long after its end a list is named among those that were not asked */
#define LIMIT_ALARMS_SHOWN 1000         /* lists that lack tokens, in one answer */
#define LIMIT_INDEX_SLOTS (1u << 30)
#define LIMIT_ENTRIES (1u << 30)

/* -- HTTP ---------------------------------------------------------------------------------------------------------- */
#define LIMIT_JSON_BODY_BYTES 65536      /* bodies of everything but checks and parts */
#define LIMIT_JSON_DEPTH 12
#define LIMIT_URL_BYTES 2048
#define LIMIT_CONNECTIONS 1024
#define LIMIT_CONNECTIONS_PER_ADDRESS 512
#define LIMIT_CONNECTION_POOL_BYTES 16384
#define LIMIT_BODIES_TOTAL_BYTES (128u * 1024 * 1024) /* request bodies in memory at one time */
#define LIMIT_HANDSHAKE_S 10
#define LIMIT_REQUEST_S 30               /* from a request's first byte to its last */
#define LIMIT_IDLE_S 300                 /* between two requests on one connection */
#define LIMIT_ANSWER_S 60                /* an answer that waits for the disk or the database */
#define LIMIT_IDENTITY_BODY_BYTES 1024
#define LIMIT_UNREGISTERED 64            /* connections under good certificates of names that are not registered */
#define LIMIT_REGISTERED 4096            /* names that one daemon admits */
#define LIMIT_REGISTRY_BYTES (4 * 1024 * 1024) /* the file that holds them */
#define LIMIT_WORKERS 64                 /* threads for handlers that wait or compute */
#define LIMIT_DATABASE_WORKERS 8         /* of them at a gate, where they wait for the database */
#define LIMIT_LOOP_BODY_BYTES 1536       /* of a request that costs time by its size and is answered without one: 32 elements */
#define LIMIT_QUEUE 1024                 /* requests that wait for such a thread */
#define LIMIT_PAGE 1000                  /* rows of one answer; the default is 100 */
#define LIMIT_PAGE_DEFAULT 100
#define LIMIT_HITS_EXAMINED 20000        /* places of a feed that one question looks at: what doesn't match costs time, too */
#define LIMIT_QUOTA_RECORDS 8192         /* names whose use of today and yesterday one daemon keeps */
#define LIMIT_QUOTA_PROFILES 64
#define LIMIT_QUOTA_HOT 32               /* names that a status shows because they are near their quota */

/* -- streams ------------------------------------------------------------------------------------------------------- */
#define LIMIT_STREAMS 256                /* open at one gate ... */
#define LIMIT_STREAMS_PER_AGENCY 16      /* ... and of one agency */
#define LIMIT_STREAM_BYTES 65536         /* written and not yet taken over by the socket, of one stream */
#define LIMIT_STREAM_SOCKET_BYTES 131072 /* that the kernel holds for one */
#define LIMIT_STREAM_STALL_S 20          /* a client that takes nothing of what is there for so long is cut off */
#define LIMIT_STREAM_HEARTBEAT_S 10      /* a comment, when there was nothing else to say */
#define LIMIT_STREAM_LIFE_S 14400        /* then the client is asked to connect again, unless the settings say otherwise */
#define LIMIT_FEED_KEPT 256              /* hits of one agency that a gate keeps for its streams; who is behind reads from the database */

/* -- webhooks ------------------------------------------------------------------------------------------------------- */
#define LIMIT_WEBHOOKS_PER_AGENCY 8
#define LIMIT_WEBHOOK_URL_BYTES 512
#define LIMIT_WEBHOOK_BATCH 100          /* hits in one delivery */
#define LIMIT_WEBHOOK_TRANSFERS 32       /* deliveries of one gate at a time */
#define LIMIT_WEBHOOK_S 10               /* a delivery, from the connection to the end of the answer */
#define LIMIT_WEBHOOK_ANSWER_BYTES 65536 /* that a receiver may send back */
#define LIMIT_WEBHOOK_LEASE_S 20         /* then another gate may deliver */
#define LIMIT_WEBHOOK_PAUSE_S 600        /* longest pause after failures */
#define LIMIT_WEBHOOK_ALARM 3            /* failures in a row that are an alarm */
#define WEBHOOK_SECRET_BYTES 32
#define WEBHOOK_SEALED_BYTES 72          /* with nonce and authenticator */

/* -- strangers: clients without a certificate, at a gate that takes requests for a first one ------------------------ */
#define LIMIT_STRANGERS 16               /* at a time ... */
#define LIMIT_STRANGERS_PER_ADDRESS 8    /* ... and of one address (IPv6: one /64) */
#define LIMIT_STRANGERS_PER_SECOND 64    /* connections let in ... */
#define LIMIT_STRANGERS_PER_SECOND_AND_ADDRESS 8
#define LIMIT_STRANGERS_BURST 128
#define LIMIT_STRANGERS_BURST_PER_ADDRESS 32
#define LIMIT_STRANGER_S 5               /* from the handshake to the end of the answer: one request a connection */
#define LIMIT_STRANGER_SWALLOWED_BYTES 16384 /* of a refused body that is read, so that the client sees the answer */
#define LIMIT_ADDRESS_TEXT 48            /* an address as text, "2001:db8::/64" */

/* -- enrolment ----------------------------------------------------------------------------------------------------- */
#define PLATESIEVE_CODE_BYTES 16         /* a one-time code */
#define PLATESIEVE_CODE_TEXT 28          /* its characters, without hyphens: 26 and two that check them */
#define PLATESIEVE_MAC_BYTES 32          /* HMAC-SHA-256 under it */
#define LIMIT_ENROLMENTS 64              /* requests that wait at a gate ... */
#define LIMIT_ENROLMENTS_STRANGERS 48    /* ... at most so many of them from strangers, so that renewals find room ... */
#define LIMIT_ENROLMENTS_PER_ADDRESS 16  /* ... and at most so many of these from one address */
#define LIMIT_ENROLMENT_BODY_BYTES 4096
#define LIMIT_ENROLMENT_S 900            /* how long one waits at a gate */
#define LIMIT_CSR_BYTES 1024             /* PKCS #10, DER */
#define LIMIT_CERTIFICATE_BYTES 1536     /* of a client, DER */
#define LIMIT_SIGNATURE_BYTES 80         /* ECDSA over P-256, DER */
#define LIMIT_CODES 4096                 /* one-time codes that an authority remembers, used and expired ones too */
#define LIMIT_CODE_MINUTES 1440

/* -- evidence: sealed pictures of hits ------------------------------------------------------------------------------- */
#define LIMIT_HEADER_BYTES 49152         /* who may open a list's pictures, signed; DER */
#define LIMIT_HEADER_RECIPIENTS 16
#define LIMIT_HEADER_AGENCIES 8          /* that the list's agency shares with */
#define LIMIT_HEADER_DAYS 400            /* from signing to expiry */
#define LIMIT_EVIDENCE_BYTES (1024 * 1024) /* one sealed picture */
#define LIMIT_EVIDENCE_OVERHEAD_BYTES 16384 /* of it, what is not the picture */
#define LIMIT_EVIDENCE_PIECES 4          /* of one hit */
#define LIMIT_EVIDENCE_WINDOW_S 86400    /* the longest time after a hit in which a gate may be told to take some */
#define LIMIT_IMAGE_FILE_BYTES (2 * 1024 * 1024) /* that a lane opens */
#define LIMIT_IMAGE_PIXELS (25u * 1000 * 1000)
#define LIMIT_IMAGE_PIXELS_SCALED (100u * 1000 * 1000) /* of a JPEG that is made smaller */
#define LIMIT_IMAGE_PATH 255

/* -- key server ---------------------------------------------------------------------------------------------------- */
#define LIMIT_EPOCH_LENGTH_S_MIN 2
#define LIMIT_EPOCH_LENGTH_S_MAX (31 * 86400)
#define LIMIT_EPOCHS_AHEAD 32
#define LIMIT_ROTATION_LATE_S 60         /* a rotation may name a time that is so long over: its request was under way */
#define LIMIT_ROTATION_BODY_BYTES 4096
#define LIMIT_ROTATION_REASON_MAX 200    /* bytes of why, for the log */
#define LIMIT_EVALUATE_BODY_BYTES 16384  /* a batch of blinded elements, 46 bytes each */
#define LIMIT_SHARE_FILE_BYTES 4096      /* what a ceremony writes for one key server */
#define LIMIT_OPENING_BITS 34            /* of an epoch's opening time in seconds: until the year 2514 */

/* -- a daemon's own key -------------------------------------------------------------------------------------------- */
#define LIMIT_CREDENTIAL_NAME_MAX 255    /* systemd's own */
#define LIMIT_PIN_MAX 255                /* bytes of a token's PIN */
#define LIMIT_PKCS11_SLOTS 64            /* of one module */

/* -- client -------------------------------------------------------------------------------------------------------- */
#define LIMIT_CSV_LINE_BYTES 65536
#define LIMIT_ANSWER_BYTES (16 * 1024 * 1024) /* an answer that the client accepts */

/* -- messages of camera engines, at a lane ---------------------------------------------------------------------------- */
#define LIMIT_ENGINE_MESSAGE_BYTES (4 * 1024 * 1024) /* of one, with its pictures; the settings may say less */
#define LIMIT_ENGINE_DEPTH 32            /* of JSON and XML */
#define LIMIT_ENGINE_BLOB_BYTES 512      /* a JSON string from here on is a picture, or of no interest ... */
#define LIMIT_ENGINE_BLOBS 64            /* ... and so many of one message are kept */
#define LIMIT_ENGINE_NUMBER_BYTES 48     /* of a number as text */
#define LIMIT_ENGINE_ID_BYTES 512        /* of an engine's own id of a vehicle, twice */
#define LIMIT_ENGINE_PARTS 32            /* of a form */
#define LIMIT_ENGINE_PART_HEADERS 16     /* lines before a part of a form ... */
#define LIMIT_ENGINE_PART_LINE_BYTES 1024 /* ... and the length of one */
#define LIMIT_ENGINE_BOUNDARY_BYTES 200  /* RFC 2046 allows 70 */
#define LIMIT_ENGINE_ELEMENTS 4096       /* of XML */
#define LIMIT_ENGINE_TEXT_BYTES 4096     /* of one of them */

static_assert(LIMIT_SEEN_LATE_S < LIMIT_SEEN_AGE_S, "a read that is late may still be asked about");
static_assert(LIMIT_ENGINE_BLOBS < 99, "the mark of a blob has two digits");
static_assert(PLATESIEVE_MESSAGE_MAX >= 13 + 8 + PLATESIEVE_JURISDICTION_MAX + 1 + PLATESIEVE_PLATE_MAX + 1,
              "the longest message must fit");
static_assert(PLATESIEVE_VOPRF_BATCH_MAX >= LIMIT_CHECK_CANDIDATES * (3 + PLATESIEVE_NEAR_MAX),
              "a read's messages of one epoch must fit into one batch");
static_assert(LIMIT_QUOTA_RECORDS >= 2 * LIMIT_REGISTERED, "all who are registered, and as many who were since yesterday");
static_assert(LIMIT_ENROLMENT_BODY_BYTES >= (LIMIT_CSR_BYTES + LIMIT_CERTIFICATE_BYTES + LIMIT_SIGNATURE_BYTES) * 4 / 3 + 128,
              "the largest request for a certificate must fit");
static_assert(LIMIT_ENROLMENTS_STRANGERS < LIMIT_ENROLMENTS, "renewals find room");
static_assert(LIMIT_STRANGERS < LIMIT_CONNECTIONS / 8, "strangers don't crowd anybody out");
static_assert(LIMIT_WEBHOOK_LEASE_S >= 2 * LIMIT_WEBHOOK_S, "a delivery is over before another gate begins it");
static_assert(LIMIT_STREAMS <= LIMIT_CONNECTIONS / 4, "streams don't, either");
static_assert(LIMIT_UNREGISTERED < LIMIT_CONNECTIONS / 8, "nor do those who are not registered");
static_assert(LIMIT_DATABASE_WORKERS <= LIMIT_WORKERS, "they are workers");
static_assert(LIMIT_HEADER_BYTES >= (LIMIT_HEADER_RECIPIENTS * (LIMIT_CERTIFICATE_BYTES * 4 / 3 + 8)) + LIMIT_CERTIFICATE_BYTES + 4096,
              "a header with the most recipients fits");
static_assert(LIMIT_EVIDENCE_OVERHEAD_BYTES >= LIMIT_HEADER_RECIPIENTS * 768 + 1024, "what a picture is sealed to fits");
static_assert(LIMIT_EVALUATE_BODY_BYTES >= PLATESIEVE_VOPRF_BATCH_MAX * 48 + 64,
              "the largest batch must fit, with some white space");
static_assert(LIMIT_LANES >= LIMIT_REGISTERED, "every lane that is registered has a place");
static_assert(LIMIT_PART_LINE_BYTES <= LIMIT_PART_BYTES, "a line must fit into a part");
static_assert(LIMIT_PART_LINE_BYTES >= LIMIT_ENTRY_EPOCHS * (3 * LIMIT_ENTRY_TOKENS * (PLATESIEVE_TAGGED_TEXT + 3) + 128) + 512,
              "a partial plate must fit into a line");
static_assert(LIMIT_EPOCHS_OPEN <= LIMIT_ENTRY_EPOCHS, "an entry must be able to serve all open epochs");
static_assert(LIMIT_IDENTITY_MAX >= 2 * LIMIT_NAME_MAX + 16, "a name of a role and two parts must fit");
static_assert(LIMIT_PAGE_DEFAULT <= LIMIT_PAGE, "a default page is a page");

#endif
