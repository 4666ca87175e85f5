// SPDX-License-Identifier: GPL-3.0-or-later
// Where in the source something was called, as a default argument. std::source_location in short:
// clang 14 cannot build libstdc++'s. Thread: any (values).
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
