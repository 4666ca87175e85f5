// SPDX-License-Identifier: GPL-3.0-or-later
// The core of cmocka_compat.h: how a test is left when it fails, and the names and messages that
// CMocka has besides its assertions. Include cmocka_compat.h. Thread: one (as for CMocka's tests).
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <string>

using LargestIntegralType = uintmax_t;
using CMUnitTestFunction = void (*)(void** state);
using CMFixtureFunction = int (*)(void** state);
using CheckParameterValue = int (*)(const LargestIntegralType value,
                                    const LargestIntegralType check_value_data);

struct CMUnitTest {
  const char* name;
  CMUnitTestFunction test_func;
  CMFixtureFunction setup_func;
  CMFixtureFunction teardown_func;
  void* initial_state;
};

// C casts on purpose: they decide what CMocka compares (0.5 is 0, -1 is the largest value).
#define cast_to_largest_integral_type(value) ((LargestIntegralType)(value))
#define cast_ptr_to_largest_integral_type(value) ((LargestIntegralType)(uintptr_t)(value))

namespace culvert::cmocka {

// Replaces CMocka's longjmp(): the test, fixture or mock ends here, and destructors run.
struct TestFailed {};
struct TestSkipped {};
struct AssertOccurred {};  // mock_assert() within expect_assert_failure()

struct Place {
  const char* file;
  int line;
};

// Reports the failure to GoogleTest at once: code under test that swallows exceptions cannot hide
// it.
[[noreturn]] inline void leave(Place place, const std::string& message) {
  ADD_FAILURE_AT(place.file, place.line) << message;
  throw TestFailed{};
}

[[noreturn]] inline void skipTest() { throw TestSkipped{}; }

inline bool& expectingAssert() {
  static bool expecting = false;
  return expecting;
}

inline std::string formatted(const char* format, va_list arguments) {
  char text[1024];
  std::vsnprintf(text, sizeof text, format, arguments);
  return text;
}

[[noreturn]] __attribute__((format(printf, 2, 3))) inline void failWith(Place place,
                                                                        const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const std::string text = formatted(format, arguments);
  va_end(arguments);
  leave(place, text);
}

}  // namespace culvert::cmocka

#define CULVERT_CMOCKA_PLACE \
  ::culvert::cmocka::Place { __FILE__, __LINE__ }

#define fail() ::culvert::cmocka::leave(CULVERT_CMOCKA_PLACE, "fail()")
#define fail_msg(...) ::culvert::cmocka::failWith(CULVERT_CMOCKA_PLACE, __VA_ARGS__)
#define skip() ::culvert::cmocka::skipTest()

__attribute__((format(printf, 1, 2))) inline void print_message(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::vfprintf(stdout, format, arguments);
  va_end(arguments);
  std::fflush(stdout);
}

__attribute__((format(printf, 1, 2))) inline void print_error(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::vfprintf(stderr, format, arguments);
  va_end(arguments);
}

/// assert() of the code under test is redefined to this function. It fails the test, or is what
/// expect_assert_failure waits for.
inline void mock_assert(int result, const char* expression, const char* file, int line) {
  if (result != 0) return;
  if (culvert::cmocka::expectingAssert()) throw culvert::cmocka::AssertOccurred{};
  culvert::cmocka::leave({file, line}, fmt::format("assert({})", expression));
}

#define expect_assert_failure(function_call)                                                \
  do {                                                                                      \
    bool culvertOccurred = false;                                                           \
    ::culvert::cmocka::expectingAssert() = true;                                            \
    try {                                                                                   \
      function_call;                                                                        \
    } catch (const ::culvert::cmocka::AssertOccurred&) {                                    \
      culvertOccurred = true;                                                               \
    }                                                                                       \
    ::culvert::cmocka::expectingAssert() = false;                                           \
    if (!culvertOccurred) {                                                                 \
      ::culvert::cmocka::leave(CULVERT_CMOCKA_PLACE, "Expected assert in " #function_call); \
    }                                                                                       \
  } while (false)
