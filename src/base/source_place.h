// SPDX-License-Identifier: GPL-3.0-or-later
// The file and line of a call, obtained through a default argument. Replaces std::source_location,
// because clang 14 cannot compile the one in libstdc++. Thread: any (values).
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
