// SPDX-License-Identifier: GPL-3.0-or-later
// The functions by which a CMocka test says what a mocked function's parameters must be, each with
// and without a count, and in which order a test expects calls. Include cmocka_compat.h.
#pragma once

#include "cmocka_compat_expect.h"

#define expect_in_set_count(function, parameter, values, count) \
  CULVERT_CMOCKA_EXPECT(function, parameter, count, isInSet(true, values))
#define expect_in_set(function, parameter, values) \
  expect_in_set_count(function, parameter, values, 1)
#define expect_not_in_set_count(function, parameter, values, count) \
  CULVERT_CMOCKA_EXPECT(function, parameter, count, isInSet(false, values))
#define expect_not_in_set(function, parameter, values) \
  expect_not_in_set_count(function, parameter, values, 1)
#define expect_in_range_count(function, parameter, minimum, maximum, count) \
  CULVERT_CMOCKA_EXPECT(function, parameter, count,                         \
                        isInRange(true, CULVERT_CMOCKA_INT(minimum), CULVERT_CMOCKA_INT(maximum)))
#define expect_in_range(function, parameter, minimum, maximum) \
  expect_in_range_count(function, parameter, minimum, maximum, 1)
#define expect_not_in_range_count(function, parameter, minimum, maximum, count) \
  CULVERT_CMOCKA_EXPECT(                                                        \
      function, parameter, count,                                               \
      isInRange(false, CULVERT_CMOCKA_INT(minimum), CULVERT_CMOCKA_INT(maximum)))
#define expect_not_in_range(function, parameter, minimum, maximum) \
  expect_not_in_range_count(function, parameter, minimum, maximum, 1)
#define expect_value_count(function, parameter, value, count) \
  CULVERT_CMOCKA_EXPECT(function, parameter, count, isValue(true, CULVERT_CMOCKA_INT(value)))
#define expect_value(function, parameter, value) expect_value_count(function, parameter, value, 1)
#define expect_not_value_count(function, parameter, value, count) \
  CULVERT_CMOCKA_EXPECT(function, parameter, count, isValue(false, CULVERT_CMOCKA_INT(value)))
#define expect_not_value(function, parameter, value) \
  expect_not_value_count(function, parameter, value, 1)
#define expect_string_count(function, parameter, string, count) \
  CULVERT_CMOCKA_EXPECT(function, parameter, count, isString(true, (const char*)(string)))
#define expect_string(function, parameter, string) \
  expect_string_count(function, parameter, string, 1)
#define expect_not_string_count(function, parameter, string, count) \
  CULVERT_CMOCKA_EXPECT(function, parameter, count, isString(false, (const char*)(string)))
#define expect_not_string(function, parameter, string) \
  expect_not_string_count(function, parameter, string, 1)
#define expect_memory_count(function, parameter, memory, size, count) \
  CULVERT_CMOCKA_EXPECT(function, parameter, count, isMemory(true, memory, size))
#define expect_memory(function, parameter, memory, size) \
  expect_memory_count(function, parameter, memory, size, 1)
#define expect_not_memory_count(function, parameter, memory, size, count) \
  CULVERT_CMOCKA_EXPECT(function, parameter, count, isMemory(false, memory, size))
#define expect_not_memory(function, parameter, memory, size) \
  expect_not_memory_count(function, parameter, memory, size, 1)
#define expect_any_count(function, parameter, count) \
  CULVERT_CMOCKA_EXPECT(function, parameter, count, isInRange(true, 0, UINTMAX_MAX))
#define expect_any(function, parameter) expect_any_count(function, parameter, 1)
#define expect_any_always(function, parameter) \
  expect_any_count(function, parameter, WILL_RETURN_ALWAYS)
#define expect_check(function, parameter, check_function, check_data) \
  CULVERT_CMOCKA_EXPECT(function, parameter, 1,                       \
                        isAccepted(check_function, CULVERT_CMOCKA_INT(check_data)))

#define function_called() ::culvert::cmocka::mocks().calls.called(__func__, CULVERT_CMOCKA_PLACE)
#define expect_function_calls(function, times) \
  ::culvert::cmocka::mocks().calls.expect(#function, times, CULVERT_CMOCKA_PLACE)
#define expect_function_call(function) expect_function_calls(function, 1)
#define expect_function_call_any(function) expect_function_calls(function, WILL_RETURN_ALWAYS)
#define ignore_function_calls(function) expect_function_calls(function, WILL_RETURN_ONCE)
