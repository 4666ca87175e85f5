// SPDX-License-Identifier: GPL-3.0-or-later
// Reads an INI text into sections and entries, each with its line. It splits the text into lines
// itself and passes them to inih in a short form. This avoids inih's limits (200-byte lines,
// 49-byte section names), its continuation lines and its lack of line numbers. Thread: start (main
// thread; inih keeps no state).
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

/// The kind of a section, which its header determines.
enum class SectionKind : uint8_t { kGlobal, kDefaults, kService, kUnknown };

struct RawSection {
  SectionKind kind = SectionKind::kUnknown;
  std::string name;  ///< the service's name; empty for other sections
  Origin origin;
  std::vector<RawEntry> entries;

  /// "global", "defaults", "service NAME".
  std::string label() const;
};

/// One source of configuration: a file, the environment, the command line.
struct RawDocument {
  std::vector<RawSection> sections;  ///< in order of appearance; headers may repeat
};

/// Parses `text` and returns all valid entries. Adds errors, each with its line, to `diagnostics`;
/// they use `file` as the name of the text. Stops when `diagnostics` is full.
RawDocument parseIni(std::string_view text, const std::string& file, Diagnostics& diagnostics);

/// Reads the whole file. Fails if it is larger than kLargestFile. The error is one clause without
/// the file's name.
Result<std::string> readConfigFile(const std::string& path);

/// Parses the text between the brackets of a section's header. The error says what is allowed, with
/// a suggestion.
Result<RawSection> parseSectionHeader(std::string_view inside);

/// True if `name` has 1 to kLongestName letters, digits, '.', '_' and '-', and begins with a letter
/// or digit.
bool isServiceName(std::string_view name);

/// Returns why no source may have this value (for example "contains a control character"), or an
/// empty text. The rules are the same for all sources, because a value from the environment or
/// --set must also be possible in a file.
std::string valueFault(std::string_view value);

}  // namespace culvert
