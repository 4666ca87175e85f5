// SPDX-License-Identifier: GPL-3.0-or-later
// Makes culvertctl(8). Its prose is in docs/man, and its lists come from the .def tables.
#include <fmt/format.h>

#include "base/check.h"
#include "base/page_words.h"
#include "ctl/command_table.h"

namespace culvert {

namespace {

// The Makefile turns docs/man/culvertctl.8.in into a string literal.
constexpr std::string_view kManualPage =
#include "culvertctl.8.inc"
    ;

void putPart(std::string& page, std::string_view name, std::string_view text) {
  const std::string mark = fmt::format(".\\\" generated: {}\n", name);
  const size_t at = page.find(mark);
  CULVERT_CHECK(at != std::string::npos);
  page.replace(at, mark.size(), text);
}

std::string sentenceOf(std::string_view words) { return fmt::format("{}.", roffText(words)); }

std::string manualOptionRows(std::string_view command, bool global) {
  std::string out;
  for (const CtlOptionInfo& option : ctlOptions()) {
    if (option.isGlobal() != global || !option.belongsTo(command)) continue;
    out += fmt::format(".TP\n.B {}\n{}\n", roffText(option.shown()), sentenceOf(option.brief));
    if (!option.detail.empty()) out += roffText(option.detail) + "\n";
  }
  return out;
}

std::string commandRows() {
  std::string out;
  for (const CommandInfo& command : ctlCommands()) {
    out +=
        fmt::format(".SS {}{}{}\n{}\n", roffText(command.name), command.argument.empty() ? "" : " ",
                    roffText(command.argument), sentenceOf(command.brief));
    if (!command.detail.empty()) out += roffText(command.detail) + "\n";
    out += manualOptionRows(command.name, false);
  }
  return out;
}

std::string exitCodes() {
  std::string out;
#define CTL_EXIT(name, number, words) \
  out += fmt::format(".TP\n.B {}\n{}\n", number, roffText(words));
#include "ctl/ctl_exit.def"
#undef CTL_EXIT
  return out;
}

}  // namespace

std::string manCulvertctl() {
  std::string page(kManualPage);
  putPart(page, "options", manualOptionRows({}, true));
  putPart(page, "commands", commandRows());
  putPart(page, "exit codes", exitCodes());
  return page;
}

}  // namespace culvert
