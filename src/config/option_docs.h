// SPDX-License-Identifier: GPL-3.0-or-later
// The option table in words: --help and --help KEY, the full sample file, the option part of
// culvert.ini(5), the table of docs/configuration.md. Thread: any.
#pragma once

#include <string>
#include <string_view>

namespace culvert {

/// What an empty list stands for ("TLS_AES_128_GCM_SHA256, .."), by key; modules above know. Null:
/// "built-in".
using BuiltInWords = std::string (*)(std::string_view key);

/// `text` in lines of at most `width` bytes, each begun with `indent`.
std::string wrapWords(std::string_view text, size_t width, std::string_view indent);

/// Everything about one key, for a terminal; empty where there is no such key.
std::string optionHelp(std::string_view key, BuiltInWords builtIn = nullptr);

/// The nearest key to a misspelt one, or empty.
std::string_view nearestOption(std::string_view key);

/// One line for each key, by section.
std::string optionIndex();

/// etc/culvert.ini: every option with its words, commented out at its default, and an example
/// service.
std::string sampleFile(BuiltInWords builtIn = nullptr);

/// The option part of culvert.ini(5), in groff's man macros: two sections.
std::string manOptions(BuiltInWords builtIn = nullptr);

/// Markdown table: key, default, what it is.
std::string readmeTable(BuiltInWords builtIn = nullptr);

/// `text` as plain words in roff: backslashes, hyphens and leading control characters escaped.
std::string roffText(std::string_view text);

}  // namespace culvert
