// SPDX-License-Identifier: GPL-3.0-or-later
// Reads an INI text into sections and entries, each with its line. The reader splits the text into
// lines itself and passes them to inih in a short form. The short form avoids inih's limits
// (200-byte lines, 49-byte section names), its continuation lines and its lack of line numbers.
// Thread: start (main thread; inih keeps no state).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/diagnostics.h"

namespace culvert {

/// Maximum length of a line in a file, without its line end, in bytes.
inline constexpr size_t kLongestLine = 16 * 1024;
/// Maximum length of a service's name.
inline constexpr size_t kLongestName = 63;
/// Maximum size of a file that culvert reads.
inline constexpr size_t kLargestFile = 16 * 1024 * 1024;

struct RawEntry {
  std::string key;
  std::string value;  ///< trimmed, and without a comment
  Origin origin;
};

/// The kind of a section. The section's header determines it.
enum class SectionKind : uint8_t { kGlobal, kDefaults, kService, kUnknown };

struct RawSection {
  SectionKind kind = SectionKind::kUnknown;
  std::string name;  ///< the service's name; empty for other sections
  Origin origin;
  std::vector<RawEntry> entries;

  /// Returns "global", "defaults" or "service NAME".
  std::string label() const;
};

/// One source of the configuration: a file, the environment, or the command line.
struct RawDocument {
  std::vector<RawSection> sections;  ///< in the order of the source; a header may repeat
};

/// Parses `text` and returns all valid entries. Adds an error for each invalid line to
/// `diagnostics`, with `file` as the name of the file. Stops when `diagnostics` is full. `document`
/// is the number of the file (Origin::document). An included file may have neither [global] nor the
/// key include.
RawDocument parseIni(std::string_view text, const std::string& file, Diagnostics& diagnostics,
                     uint16_t document = 0);

/// Reads the whole file at `path`. Fails if the file is larger than kLargestFile. The error is one
/// clause without the file's name.
Result<std::string> readConfigFile(const std::string& path);

/// Parses the text between the brackets of a section's header. `included` is true for an included
/// file. The error says what is allowed, and suggests a correction.
Result<RawSection> parseSectionHeader(std::string_view inside, bool included = false);

/// True if `name` has 1 to kLongestName letters, digits, '.', '_' and '-', and begins with a letter
/// or digit.
bool isServiceName(std::string_view name);

/// Returns the reason why a value is not allowed in any source (for example "contains a control
/// character"), or an empty text. The rules are the same for all sources, because a value from the
/// environment or --set must also be possible in a file.
std::string valueFault(std::string_view value);

}  // namespace culvert
