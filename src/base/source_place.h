// SPDX-License-Identifier: GPL-3.0-or-later
// The place of a call in the source, as a default argument. A short form of std::source_location,
// because clang 14 cannot compile libstdc++'s. Thread: any (values).
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
