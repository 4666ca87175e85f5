// SPDX-License-Identifier: GPL-3.0-or-later
// The file and line of a call, obtained through a default argument. Used instead of libstdc++'s
// std::source_location, which clang 14 cannot compile. Thread: any (values).
#pragma once

namespace culvert {

struct SourcePlace {
  const char* file = "";
  int line = 0;

  static constexpr SourcePlace current(const char* file = __builtin_FILE(),
                                       int line = __builtin_LINE()) {
    return {file, line};
  }
};

}  // namespace culvert
