/* What the gate's unit tests share. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include "server/http/reason.h"
#include "tests/unit/cmocka_all.h"

#define assert_ok(expression) assert_int_equal((expression).reason, REASON_NONE)
#define assert_fails(expression, why) assert_int_equal((expression).reason, (why))

#endif
