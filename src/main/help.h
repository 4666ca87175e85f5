// SPDX-License-Identifier: GPL-3.0-or-later
// The texts of --help and --help KEY, and the generated files (manual pages, sample). Thread: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace culvert {

/// `--help`: usage, options by group, all keys of the configuration.
std::string usageText();

/// `--help KEY`: everything about one key, which must exist (parseCommandLine has checked it).
std::string keyHelp(std::string_view key);

/// `--generate WHAT`: sample (etc/culvert.ini), man (culvert.8), man-ini (culvert.ini.5),
/// readme-table, metrics-table. An error lists the allowed values.
Result<std::string> generate(std::string_view what);

/// culvert(8) and culvert.ini(5) in groff's man macros.
std::string manCulvert();
std::string manIni();

/// One option of the command line as --help shows it; `names` is "-c, --config FILE", for example.
struct CliOptionWords {
  std::string_view group;  ///< empty if the option is hidden
  std::string names;
  std::string_view brief, detail;
};
/// All options of cli_options.def, in order.
const std::vector<CliOptionWords>& cliOptions();

/// The built-in list that culvert uses if `ciphers`, `ciphersuites` or `groups` is empty; "" for
/// other keys.
std::string builtInWords(std::string_view key);

}  // namespace culvert
