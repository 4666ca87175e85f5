// SPDX-License-Identifier: GPL-3.0-or-later
// Runs tests that use CMocka's functions as GoogleTest tests. Assertions, mocks, expectations, groups
// with setup, teardown and state, skip() and guarded allocation give the same verdicts as libcmocka
// 1.1. prove_cmocka_compat.py proves that with one suite built against both. Include this header last:
// CMocka's names fail(), skip() and mock() are macros.
//
//   static void countsUp(void **state) { assert_int_equal(next(*state), 1); }
//   static const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(countsUp, open, close)};
//
//   CMOCKA_GTEST_GROUP(tests, NULL, NULL);          // in a unit test of ours
//   int main(void) {                                // or as in any CMocka program
//     return cmocka_run_group_tests(tests, NULL, NULL);
//   }
//
// What differs: an assertion leaves by an exception, not by longjmp(), so destructors run. A crash
// is not caught.
#pragma once

#include "cmocka_compat_groups.h"

#define cmocka_unit_test(f) \
  { #f, f, nullptr, nullptr, nullptr }
#define cmocka_unit_test_setup(f, setup) \
  { #f, f, setup, nullptr, nullptr }
#define cmocka_unit_test_teardown(f, teardown) \
  { #f, f, nullptr, teardown, nullptr }
#define cmocka_unit_test_setup_teardown(f, setup, teardown) \
  { #f, f, setup, teardown, nullptr }
#define cmocka_unit_test_prestate(f, state) \
  { #f, f, nullptr, nullptr, state }
#define cmocka_unit_test_prestate_setup_teardown(f, setup, teardown, state) \
  { #f, f, setup, teardown, state }

#define cmocka_run_group_tests_name(group_name, group_tests, group_setup, group_teardown)          \
  ::culvert::cmocka::runGroup(group_name, group_tests, sizeof(group_tests) / sizeof(*group_tests), \
                              group_setup, group_teardown, CULVERT_CMOCKA_PLACE)
#define cmocka_run_group_tests(group_tests, group_setup, group_teardown) \
  cmocka_run_group_tests_name(#group_tests, group_tests, group_setup, group_teardown)

/// Registers a group beside the TEST()s of a file that is linked with gtest_main.
#define CMOCKA_GTEST_GROUP(group_tests, group_setup, group_teardown)                       \
  [[maybe_unused]] static const bool culvertCmockaGroup_##group_tests =                    \
      ::culvert::cmocka::addGroup(#group_tests, group_tests,                               \
                                  sizeof(group_tests) / sizeof(*group_tests), group_setup, \
                                  group_teardown, CULVERT_CMOCKA_PLACE)

#ifdef UNIT_TESTING
#define malloc test_malloc
#define realloc test_realloc
#define calloc test_calloc
#define free test_free
#endif
