// SPDX-License-Identifier: GPL-3.0-or-later
// The option table as text: --help and --help KEY, the full sample file, the option part of
// culvert.ini(5), the table of docs/configuration.md. Thread: any.
#pragma once

#include <string>
#include <string_view>

namespace culvert {

/// The text for an empty list by key ("TLS_AES_128_GCM_SHA256, .."), which modules above provide.
/// Null: "built-in".
using BuiltInWords = std::string (*)(std::string_view key);

/// Wraps `text` into lines of at most `width` bytes, each starting with `indent`.
std::string wrapWords(std::string_view text, size_t width, std::string_view indent);

/// The complete help for one key, for a terminal; empty if the key does not exist.
std::string optionHelp(std::string_view key, BuiltInWords builtIn = nullptr);

/// The most similar key to a misspelt one, or empty.
std::string_view nearestOption(std::string_view key);

/// One line for each key, by section.
std::string optionIndex();

/// etc/culvert.ini: every option with its text, commented out at its default, and an example
/// service.
std::string sampleFile(BuiltInWords builtIn = nullptr);

/// The option part of culvert.ini(5), in groff's man macros: two sections.
std::string manOptions(BuiltInWords builtIn = nullptr);

/// Markdown table: key, default, meaning.
std::string readmeTable(BuiltInWords builtIn = nullptr);

/// `text` escaped for roff: backslashes, hyphens and leading control characters.
std::string roffText(std::string_view text);

}  // namespace culvert
