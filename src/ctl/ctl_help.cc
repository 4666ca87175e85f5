// SPDX-License-Identifier: GPL-3.0-or-later
// --help of culvertctl and of its commands, made from commands.def.
#include <fmt/format.h>

#include "base/page_words.h"
#include "ctl/command_table.h"

namespace culvert {

namespace {

constexpr size_t kIndent = 24;

std::string row(std::string_view name, std::string_view words) {
  std::string block = wrapWords(words, 79, std::string(kIndent, ' '));
  if (name.size() + 3 >= kIndent) return fmt::format("  {}\n{}", name, block);
  block.replace(0, kIndent, fmt::format("  {:<{}}", name, kIndent - 2));
  return block;
}

std::string optionRows(std::string_view command, bool global) {
  std::string out;
  for (const CtlOptionInfo& option : ctlOptions())
    if (option.isGlobal() == global && option.belongsTo(command))
      out += row(option.shown(), option.brief);
  return out;
}

std::string usageOf(const CommandInfo& command) {
  return fmt::format("{}{}{}", command.name, command.argument.empty() ? "" : " ", command.argument);
}

}  // namespace

std::string ctlHelp() {
  std::string out =
      "culvertctl: asks and steers a running culvert\n\n"
      "usage: culvertctl [--admin ADDR] [--json] COMMAND [ARGUMENT...]\n";
  std::string_view group;
  for (const CommandInfo& command : ctlCommands()) {
    if (command.group != group) out += fmt::format("\n{}:\n", group = command.group);
    out += row(usageOf(command), command.brief);
  }
  out += "\nOptions of every command:\n" + optionRows({}, true);
  out += "\nExit codes:\n";
#define CTL_EXIT(name, number, words) out += row(#number, words);
#include "ctl/ctl_exit.def"
#undef CTL_EXIT
  return out +
         "\n`culvertctl COMMAND --help` lists the options of a command. Manual: culvertctl(8)\n";
}

std::string ctlCommandHelp(const CommandInfo& command) {
  std::string out = fmt::format("usage: culvertctl {} [OPTION...]\n\n", usageOf(command));
  out += wrapWords(fmt::format("{}: {}.", command.name, command.brief), 79, "");
  if (!command.detail.empty()) out += wrapWords(command.detail, 79, "");
  if (const std::string own = optionRows(command.name, false); !own.empty())
    out += "\nOptions:\n" + own;
  return out + "\nOptions of every command:\n" + optionRows({}, true);
}

}  // namespace culvert
