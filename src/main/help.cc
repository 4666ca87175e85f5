// SPDX-License-Identifier: GPL-3.0-or-later
// --help, made from cli_options.def and the option table.
#include "main/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "admin/prometheus.h"
#include "base/words.h"
#include "config/option_docs.h"
#include "tls/protocol/tls_names.h"

namespace culvert {

namespace {

/// Returns "-c, --config FILE" for "-c,--config" and "FILE". An optional argument such as
/// "[=strict]" stays joined to the name.
std::string shownNames(std::string_view names, std::string_view argument) {
  std::string shown;
  for (char c : names) shown += c == ',' ? std::string(", ") : std::string(1, c);
  if (!argument.empty() && !argument.starts_with("[=")) shown += ' ';
  return shown += argument;
}

}  // namespace

const std::vector<CliOptionWords>& cliOptions() {
  static const std::vector<CliOptionWords> all = {
#define CLI_OPTION(id, group, names, argument, brief, detail) \
  {group, shownNames(names, argument), brief, detail},
#include "main/cli_options.def"
#undef CLI_OPTION
  };
  return all;
}

std::string usageText() {
  std::string out =
      "culvert: TLS on one side, plain TCP on the other\n\n"
      "usage: culvert -c FILE [--daemon]\n"
      "       culvert --listen ADDR --backend ADDR (--cert FILE --key FILE | --self-signed)\n"
      "       culvert --check -c FILE\n";
  std::string_view group;
  for (const CliOptionWords& option : cliOptions()) {
    if (option.group.empty()) continue;
    if (option.group != group) out += fmt::format("\n{}:\n", group = option.group);
    if (option.names.size() <= 25) {
      std::string block = wrapWords(option.brief, 79, std::string(29, ' '));
      block.replace(0, 29, fmt::format("  {:<27}", option.names));
      out += block;
    } else {
      out +=
          fmt::format("  {}\n{}", option.names, wrapWords(option.brief, 79, std::string(29, ' ')));
    }
  }
  out += "\n" + optionIndex();
  out +=
      "\nEvery key can also come from the environment or --set; `culvert --help KEY` describes "
      "one key.\n"
      "Manual: culvert(8), culvert.ini(5)\n";
  return out;
}

std::string keyHelp(std::string_view key) { return optionHelp(key, &builtInWords); }

Result<std::string> generate(std::string_view what) {
  if (what == "sample") return sampleFile(&builtInWords);
  if (what == "man") return manCulvert();
  if (what == "man-ini") return manIni();
  if (what == "readme-table") return readmeTable(&builtInWords);
  if (what == "metrics-table") return metricsTable();
  constexpr std::string_view kNames[] = {"sample", "man", "man-ini", "readme-table",
                                         "metrics-table"};
  return fail(fmt::format("--generate has no \"{}\"; allowed: {}{}", what, fmt::join(kNames, ", "),
                          didYouMean(nearestName(what, kNames))));
}

std::string builtInWords(std::string_view key) {
  if (key == "ciphers") return suiteList(defaultCipherList());
  if (key == "ciphersuites") return suiteList(defaultCiphersuites());
  if (key == "groups") return groupList(defaultGroups());
  return {};
}

}  // namespace culvert
