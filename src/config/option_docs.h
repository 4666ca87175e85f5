// SPDX-License-Identifier: GPL-3.0-or-later
// Writes the option table as text: for --help and --help KEY, the full sample file, the option part
// of culvert.ini(5), and the table of docs/configuration.md. Thread: any.
#pragma once

#include <string>
#include <string_view>

#include "base/page_words.h"

namespace culvert {

/// A function that returns the built-in list of the option `key`, for example
/// "TLS_AES_128_GCM_SHA256, ..". The built-in list applies if the option's list is empty. Modules
/// above this one provide the function. If it is null, the documents say "built-in".
using BuiltInWords = std::string (*)(std::string_view key);

/// Returns the complete help for one key, formatted for a terminal; empty if the key does not
/// exist.
std::string optionHelp(std::string_view key, BuiltInWords builtIn = nullptr);

/// Returns the key that is most similar to the misspelt `key`; empty if no key is similar.
std::string_view nearestOption(std::string_view key);

/// Returns one line for each key, grouped by section.
std::string optionIndex();

/// Returns the contents of etc/culvert.ini: an example service and every option with its text. The
/// options are commented out and have their defaults.
std::string sampleFile(BuiltInWords builtIn = nullptr);

/// Returns the option part of culvert.ini(5), two sections in groff's man macros.
std::string manOptions(BuiltInWords builtIn = nullptr);

/// Returns a Markdown table with key, default and meaning.
std::string readmeTable(BuiltInWords builtIn = nullptr);

}  // namespace culvert
