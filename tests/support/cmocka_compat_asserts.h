// SPDX-License-Identifier: GPL-3.0-or-later
// CMocka's assertions, with CMocka's conversions and comparisons. Include cmocka_compat.h.
#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <string>

#include "cmocka_compat_core.h"

namespace culvert::cmocka {

inline void require(bool holds, Place place, const std::string& otherwise) {
  if (!holds) leave(place, otherwise);
}

inline void requireInts(bool equal, LargestIntegralType a, LargestIntegralType b, Place place) {
  require((a == b) == equal, place, fmt::format("{:#x} {} {:#x}", a, equal ? "!=" : "==", b));
}

inline void requireStrings(bool equal, const char* a, const char* b, Place place) {
  require((std::strcmp(a, b) == 0) == equal, place,
          fmt::format("\"{}\" {} \"{}\"", a, equal ? "!=" : "==", b));
}

inline void requireMemory(bool equal, const void* a, const void* b, size_t size, Place place) {
  const auto* left = static_cast<const unsigned char*>(a);
  const auto* right = static_cast<const unsigned char*>(b);
  size_t first = 0;
  while (first < size && left[first] == right[first]) ++first;
  if (equal && first < size) {
    leave(place, fmt::format("memory differs from byte {} on: {:#04x} != {:#04x}", first,
                             left[first], right[first]));
  }
  if (!equal && first == size) leave(place, fmt::format("{} bytes of memory are equal", size));
}

inline void requireRange(bool within, LargestIntegralType value, LargestIntegralType minimum,
                         LargestIntegralType maximum, Place place) {
  require(
      (value >= minimum && value <= maximum) == within, place,
      fmt::format("{} is {}within the range {}-{}", value, within ? "not " : "", minimum, maximum));
}

inline void requireSet(bool within, LargestIntegralType value, const LargestIntegralType* values,
                       size_t count, Place place) {
  require(count > 0, place, "the set of values is empty");
  require((std::find(values, values + count, value) != values + count) == within, place,
          fmt::format("{} is {}in the set of {} values", value, within ? "not " : "", count));
}

inline void requireFloats(bool equal, float a, float b, float epsilon, Place place) {
  const float difference = std::fabs(a - b);
  const float larger = std::max(std::fabs(a), std::fabs(b));
  const bool close = difference <= epsilon || difference <= larger * FLT_EPSILON;
  require(close == equal, place, fmt::format("{} {} {}", a, equal ? "!=" : "==", b));
}

inline void requireReturnCode(LargestIntegralType code, size_t size, LargestIntegralType error,
                              const char* expression, Place place) {
  LargestIntegralType largest = INT64_MAX;
  if (size == 1) largest = UINT8_MAX;
  if (size == 2) largest = INT16_MAX;
  if (size == 4 || size > sizeof largest) largest = INT32_MAX;
  require(code <= largest - 1, place,
          fmt::format("{} < 0{}", expression,
                      error > 0 ? fmt::format(", errno({})", error) : std::string()));
}

}  // namespace culvert::cmocka

#define CULVERT_CMOCKA_INT(value) cast_to_largest_integral_type(value)
#define CULVERT_CMOCKA_REQUIRE(name, ...) \
  ::culvert::cmocka::require##name(__VA_ARGS__, CULVERT_CMOCKA_PLACE)

#define assert_true(c) \
  ::culvert::cmocka::require(CULVERT_CMOCKA_INT(c) != 0, CULVERT_CMOCKA_PLACE, #c " is false")
#define assert_false(c) \
  ::culvert::cmocka::require(CULVERT_CMOCKA_INT(c) == 0, CULVERT_CMOCKA_PLACE, #c " is true")
#define assert_non_null(c) assert_true(cast_ptr_to_largest_integral_type(c))
#define assert_null(c) assert_false(cast_ptr_to_largest_integral_type(c))
#define assert_ptr_equal(a, b)                                             \
  CULVERT_CMOCKA_REQUIRE(Ints, true, cast_ptr_to_largest_integral_type(a), \
                         cast_ptr_to_largest_integral_type(b))
#define assert_ptr_not_equal(a, b)                                          \
  CULVERT_CMOCKA_REQUIRE(Ints, false, cast_ptr_to_largest_integral_type(a), \
                         cast_ptr_to_largest_integral_type(b))
#define assert_int_equal(a, b) \
  CULVERT_CMOCKA_REQUIRE(Ints, true, CULVERT_CMOCKA_INT(a), CULVERT_CMOCKA_INT(b))
#define assert_int_not_equal(a, b) \
  CULVERT_CMOCKA_REQUIRE(Ints, false, CULVERT_CMOCKA_INT(a), CULVERT_CMOCKA_INT(b))
#define assert_float_equal(a, b, epsilon) \
  CULVERT_CMOCKA_REQUIRE(Floats, true, (float)(a), (float)(b), (float)(epsilon))
#define assert_float_not_equal(a, b, epsilon) \
  CULVERT_CMOCKA_REQUIRE(Floats, false, (float)(a), (float)(b), (float)(epsilon))
#define assert_string_equal(a, b) \
  CULVERT_CMOCKA_REQUIRE(Strings, true, (const char*)(a), (const char*)(b))
#define assert_string_not_equal(a, b) \
  CULVERT_CMOCKA_REQUIRE(Strings, false, (const char*)(a), (const char*)(b))
#define assert_memory_equal(a, b, size) CULVERT_CMOCKA_REQUIRE(Memory, true, a, b, size)
#define assert_memory_not_equal(a, b, size) CULVERT_CMOCKA_REQUIRE(Memory, false, a, b, size)
#define assert_in_range(value, minimum, maximum)                                              \
  CULVERT_CMOCKA_REQUIRE(Range, true, CULVERT_CMOCKA_INT(value), CULVERT_CMOCKA_INT(minimum), \
                         CULVERT_CMOCKA_INT(maximum))
#define assert_not_in_range(value, minimum, maximum)                                           \
  CULVERT_CMOCKA_REQUIRE(Range, false, CULVERT_CMOCKA_INT(value), CULVERT_CMOCKA_INT(minimum), \
                         CULVERT_CMOCKA_INT(maximum))
#define assert_in_set(value, values, number_of_values) \
  CULVERT_CMOCKA_REQUIRE(Set, true, CULVERT_CMOCKA_INT(value), values, number_of_values)
#define assert_not_in_set(value, values, number_of_values) \
  CULVERT_CMOCKA_REQUIRE(Set, false, CULVERT_CMOCKA_INT(value), values, number_of_values)
#define assert_return_code(rc, error)                                    \
  CULVERT_CMOCKA_REQUIRE(ReturnCode, CULVERT_CMOCKA_INT(rc), sizeof(rc), \
                         CULVERT_CMOCKA_INT(error), #rc)
