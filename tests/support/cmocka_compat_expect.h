// SPDX-License-Identifier: GPL-3.0-or-later
// CMocka's functions for mocks (cmocka_compat_mocks.h does the work). Include cmocka_compat.h.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "cmocka_compat_mocks.h"

namespace culvert::cmocka {

inline void willReturn(const char* function, LargestIntegralType value, int count, Place place) {
  require(count != 0, place, "will_return with a count of 0");
  mocks().results.add(bareName(function), value, count, place);
}

inline void expectThat(const char* function, const char* parameter, ParameterCheck check, int count,
                       Place place) {
  mocks().parameters.add(bareName(function) + "." + parameter, std::move(check), count, place);
}

inline void checkExpected(const char* function, const char* parameter, LargestIntegralType value,
                          Place place) {
  const std::string name = std::string(function) + "." + parameter;
  const ParameterCheck check = mocks().parameters.take(name, place, "expected for");
  require(check(value), place, fmt::format("{} is not as expected: {:#x}", name, value));
}

inline ParameterCheck isValue(bool wanted, LargestIntegralType expected) {
  return [=](LargestIntegralType value) { return (value == expected) == wanted; };
}

inline ParameterCheck isInRange(bool wanted, LargestIntegralType low, LargestIntegralType high) {
  return [=](LargestIntegralType value) { return (value >= low && value <= high) == wanted; };
}

// Copies the string and the memory: they may be gone when the mock is called.
inline ParameterCheck isString(bool wanted, std::string expected) {
  return [wanted, expected = std::move(expected)](LargestIntegralType value) {
    return (expected == reinterpret_cast<const char*>(static_cast<uintptr_t>(value))) == wanted;
  };
}

inline ParameterCheck isMemory(bool wanted, const void* memory, size_t size) {
  return [wanted, expected = std::string(static_cast<const char*>(memory), size)](
             LargestIntegralType value) {
    const auto* actual = reinterpret_cast<const void*>(static_cast<uintptr_t>(value));
    return (std::memcmp(expected.data(), actual, expected.size()) == 0) == wanted;
  };
}

template <size_t kSize>
ParameterCheck isInSet(bool wanted, const LargestIntegralType (&values)[kSize]) {
  std::vector<LargestIntegralType> set(values, values + kSize);
  return [wanted, set = std::move(set)](LargestIntegralType value) {
    return (std::find(set.begin(), set.end(), value) != set.end()) == wanted;
  };
}

inline ParameterCheck isAccepted(CheckParameterValue accepts, LargestIntegralType data) {
  return [=](LargestIntegralType value) { return accepts(value, data) != 0; };
}

}  // namespace culvert::cmocka

#define mock() \
  ::culvert::cmocka::mocks().results.take(__func__, CULVERT_CMOCKA_PLACE, "to return from")
#define mock_type(type) ((type)mock())
#define mock_ptr_type(type) ((type)(uintptr_t)mock())

#define will_return_count(function, value, count) \
  ::culvert::cmocka::willReturn(#function, CULVERT_CMOCKA_INT(value), count, CULVERT_CMOCKA_PLACE)
#define will_return(function, value) will_return_count(function, value, 1)
#define will_return_always(function, value) will_return_count(function, value, WILL_RETURN_ALWAYS)
#define will_return_maybe(function, value) will_return_count(function, value, WILL_RETURN_ONCE)

#define CULVERT_CMOCKA_EXPECT(function, parameter, count, check)                        \
  ::culvert::cmocka::expectThat(#function, #parameter, ::culvert::cmocka::check, count, \
                                CULVERT_CMOCKA_PLACE)
#define check_expected(parameter)                                                       \
  ::culvert::cmocka::checkExpected(__func__, #parameter, CULVERT_CMOCKA_INT(parameter), \
                                   CULVERT_CMOCKA_PLACE)
#define check_expected_ptr(parameter) \
  ::culvert::cmocka::checkExpected(   \
      __func__, #parameter, cast_ptr_to_largest_integral_type(parameter), CULVERT_CMOCKA_PLACE)
