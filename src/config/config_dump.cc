// SPDX-License-Identifier: GPL-3.0-or-later
// Writes one line for each value. A list gets one line for each run of items with the same origin.
#include "config/config_dump.h"

#include <fmt/format.h>

#include "config/option_table.h"

namespace culvert {

namespace {

constexpr size_t kJoinUpTo = 1000;  // maximum bytes of a joined list; far below kLongestLine

void addLine(std::string& out, const std::string& text, const Origin& origin) {
  fmt::format_to(std::back_inserter(out), "{:<40} ; {}\n", text, origin.text());
}

void addList(std::string& out, const OptionInfo& info, const SourcedList& list) {
  const bool joins = info.type != ValueType::kPathList && info.type != ValueType::kPhraseList;
  for (size_t i = 0; i < list.size();) {
    const Origin& origin = list[i].origin;
    std::string value = list[i++].text;
    while (joins && i < list.size() && list[i].origin == origin &&
           value.size() + list[i].text.size() < kJoinUpTo)
      value += ", " + list[i++].text;
    addLine(out, fmt::format("{} = {}", info.key, value), origin);
  }
}

/// Returns the built-in list that this service uses if its list of suites or groups is empty.
std::string builtInList(const OptionInfo& info, const OptionSet& options, BuiltInWords builtIn) {
  if (builtIn == nullptr || info.scope != OptionScope::kService) return {};
  const auto& service = static_cast<const ServiceOptions&>(options);
  if (info.type == ValueType::kCipherList && service.minVersion > 0x0303) return {};
  if (info.type == ValueType::kSuiteList && service.maxVersion < 0x0304) return {};
  return builtIn(info.key);
}

template <class Options>
void addOptions(std::string& out, OptionScope scope, Options options, BuiltInWords builtIn) {
  for (const OptionInfo& info : allOptions()) {
    if (info.scope != scope) continue;
    const bool nothing = info.isList() && info.list(options)->empty();
    if (info.isList() && !nothing) {
      addList(out, info, *info.list(options));
      continue;
    }
    const Origin& origin = options.originOf(info.key);
    const std::string value =
        nothing ? builtInList(info, options, builtIn) : formatValue(info, options);
    if (info.key == "include" && !value.empty()) {  // its services follow
      addLine(out, fmt::format("# the files of include = {} are in this dump", value), origin);
      continue;
    }
    // Write an empty value only if it was given, because a missing key can have another meaning
    // than an empty value.
    if (value.empty() && (info.has(kRequired) || origin.kind == Origin::Kind::kDefault))
      addLine(out, fmt::format("# {}: none", info.key), origin);
    else
      addLine(out, fmt::format("{} ={}{}", info.key, value.empty() ? "" : " ", value), origin);
  }
}

}  // namespace

std::string dumpConfig(const Config& config, BuiltInWords builtIn) {
  std::string out = "[global]\n";
  addOptions(out, OptionScope::kGlobal, config.global, builtIn);
  for (const ServiceOptions& service : config.services) {
    out += '\n';
    addLine(out, fmt::format("[{}]", sectionLabel(service)), service.sectionOrigin);
    if (service.selfSigned && service.cert.empty())
      out += "# a certificate made at the start: --self-signed\n";
    addOptions(out, OptionScope::kService, service, builtIn);
  }
  return out;
}

}  // namespace culvert
