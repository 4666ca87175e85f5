// SPDX-License-Identifier: GPL-3.0-or-later
// CULVERT_CHECK states a condition that is false only if culvert has a bug. If the condition is
// false, the macro prints file and line and aborts, in every build. Do not use it for a condition
// that a peer or an operator can influence. Thread: any.
#pragma once

namespace culvert {

[[noreturn]] void checkFailed(const char* condition, const char* file, int line);

}  // namespace culvert

#define CULVERT_CHECK(condition)                              \
  do {                                                        \
    if (!(condition)) [[unlikely]]                            \
      ::culvert::checkFailed(#condition, __FILE__, __LINE__); \
  } while (false)
