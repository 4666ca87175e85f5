// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the manual pages. Their text is in docs/man, and their lists come from the .def tables.
#include <fmt/format.h>

#include <initializer_list>

#include "base/check.h"
#include "config/option_docs.h"
#include "main/help.h"
#include "stats/counters.h"

namespace culvert {

namespace {

// The Makefile turns each docs/man/*.in into a string literal.
constexpr std::string_view kCulvertPage =
#include "culvert.8.inc"
    ;
constexpr std::string_view kIniPage =
#include "culvert.ini.5.inc"
    ;

struct Part {
  std::string_view name;
  std::string text;
};

/// Returns `page` with each line `.\" generated: NAME` replaced by the part of that name.
std::string withParts(std::string_view page, std::initializer_list<Part> parts) {
  std::string out(page);
  for (const Part& part : parts) {
    const std::string mark = fmt::format(".\\\" generated: {}\n", part.name);
    const size_t at = out.find(mark);
    CULVERT_CHECK(at != std::string::npos);
    out.replace(at, mark.size(), part.text);
  }
  return out;
}

std::string optionManual() {
  std::string out;
  for (const CliOptionWords& option : cliOptions()) {
    if (option.group.empty()) continue;
    out += fmt::format(".TP\n.B {}\n{}\n", roffText(option.names), roffText(option.brief));
    if (!option.detail.empty()) out += fmt::format(".br\n{}\n", roffText(option.detail));
  }
  return out;
}

std::string exitCodeManual() {
  std::string out;
#define EXIT_CODE(name, number, words) \
  out += fmt::format(".TP\n.B {}\n{}\n", number, roffText(words));
#include "server/exit_code.def"
#undef EXIT_CODE
  return out;
}

std::string counterManual() {
  std::string out;
  for (size_t i = 0; i < kCounterCount; ++i) {
    const CounterInfo& info = counterInfo(static_cast<Counter>(i));
    const bool isMax = info.kind == CounterKind::kGaugeMax;
    out += fmt::format(".TP\n.B {}\n{}{}.\n", info.name, roffText(info.brief),
                       isMax ? ", the largest so far" : "");
    if (!info.detail.empty()) out += roffText(info.detail) + "\n";
  }
  return out;
}

}  // namespace

std::string manCulvert() {
  return withParts(kCulvertPage, {{"options", optionManual()},
                                  {"exit codes", exitCodeManual()},
                                  {"counters", counterManual()}});
}

std::string manIni() { return withParts(kIniPage, {{"keys", manOptions(&builtInWords)}}); }

}  // namespace culvert
