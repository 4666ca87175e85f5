// SPDX-License-Identifier: GPL-3.0-or-later
// Reads an INI text into sections and entries, each with its line. It splits the lines itself and
// passes them to inih in a form that avoids inih's limits: 200-byte lines, 49-byte section names,
// continuation lines, no line numbers. Thread: start (main thread; inih keeps no state).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/diagnostics.h"

namespace culvert {

/// Longest line of a file, without its line end.
inline constexpr size_t kLongestLine = 16 * 1024;
/// Longest name of a service.
inline constexpr size_t kLongestName = 63;
/// Largest file that culvert reads.
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

/// Parses `text`; messages use `file` as its name. Errors (each with its line) go to `diagnostics`;
/// valid entries are returned nevertheless. Stops when `diagnostics` is full.
RawDocument parseIni(std::string_view text, const std::string& file, Diagnostics& diagnostics);

/// Reads the whole file, at most kLargestFile. The error is one clause without the file's name.
Result<std::string> readConfigFile(const std::string& path);

/// Reads a section's header without its brackets. The error says what is allowed, with a
/// suggestion.
Result<RawSection> parseSectionHeader(std::string_view inside);

/// Letters, digits, '.', '_' and '-', a letter or digit first, 1 to kLongestName bytes.
bool isServiceName(std::string_view name);

/// Why `value` is not allowed as a value in any source ("contains a control character", a comment
/// mark), or empty. A value of the environment or of --set must also be possible in a file.
std::string valueFault(std::string_view value);

}  // namespace culvert
