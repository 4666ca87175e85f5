// SPDX-License-Identifier: GPL-3.0-or-later
// Reads an INI text into sections and entries with the line of each. Splits lines itself and lets
// inih see them in a form that none of its limits touches: 200-byte lines, 49-byte section names,
// continuation lines, no line numbers. Thread: start (main thread; inih keeps no state).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/diagnostics.h"

namespace culvert {

/// Longest line of a file, its end not counted.
inline constexpr size_t kLongestLine = 16 * 1024;
/// Longest name of a service.
inline constexpr size_t kLongestName = 63;
/// Largest file that is read.
inline constexpr size_t kLargestFile = 16 * 1024 * 1024;

struct RawEntry {
  std::string key;
  std::string value;  ///< trimmed, comment removed
  Origin origin;
};

/// What a section is, by its header.
enum class SectionKind : uint8_t { kGlobal, kDefaults, kService, kUnknown };

struct RawSection {
  SectionKind kind = SectionKind::kUnknown;
  std::string name;  ///< of a service
  Origin origin;
  std::vector<RawEntry> entries;

  /// "global", "defaults", "service NAME".
  std::string label() const;
};

/// One source of configuration: a file, the environment, the command line.
struct RawDocument {
  std::vector<RawSection> sections;  ///< in order of appearance; headers may repeat
};

/// Parses `text`; `file` is what messages call it. Errors (each with its line) go to `diagnostics`;
/// what is sound is returned all the same. Stops where `diagnostics` is full.
RawDocument parseIni(std::string_view text, const std::string& file, Diagnostics& diagnostics);

/// The whole file, at most kLargestFile. The error is one clause without the file's name.
Result<std::string> readConfigFile(const std::string& path);

/// Reads a section's header without brackets. The error says what is allowed, with a suggestion.
Result<RawSection> parseSectionHeader(std::string_view inside);

/// Letters, digits, '.', '_' and '-', a letter or digit first, 1 to kLongestName bytes.
bool isServiceName(std::string_view name);

/// Why `value` cannot be a value anywhere ("contains a control character", a comment mark): empty
/// where it can. A value of the environment or of --set must be one that a file could hold too.
std::string valueFault(std::string_view value);

}  // namespace culvert
