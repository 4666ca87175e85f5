// SPDX-License-Identifier: GPL-3.0-or-later
// CULVERT_CHECK states what can only be false through a bug of ours; it is on in every build and
// aborts with the place. Never used on anything a peer or an operator can influence. Thread: any.
#pragma once

namespace culvert {

[[noreturn]] void checkFailed(const char* condition, const char* file, int line);

}  // namespace culvert

#define CULVERT_CHECK(condition)                              \
  do {                                                        \
    if (!(condition)) [[unlikely]]                            \
      ::culvert::checkFailed(#condition, __FILE__, __LINE__); \
  } while (false)
