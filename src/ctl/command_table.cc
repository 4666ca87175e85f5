// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/command_table.h"

#include <algorithm>

namespace culvert {

namespace {

constexpr CommandInfo kCommands[] = {
#define CTL_COMMAND(id, group, name, argument, values, brief, detail) \
  {CtlCommand::k##id, group, name, argument, values, brief, detail},
#define CTL_OPTION(id, commands, names, argument, values, param, brief, detail)
#include "ctl/commands.def"
#undef CTL_COMMAND
#undef CTL_OPTION
};

constexpr CtlOptionInfo kOptions[] = {
#define CTL_COMMAND(id, group, name, argument, values, brief, detail)
#define CTL_OPTION(id, commands, names, argument, values, param, brief, detail) \
  {CtlOption::k##id, commands, names, argument, values, param, brief, detail},
#include "ctl/commands.def"
#undef CTL_COMMAND
#undef CTL_OPTION
};

}  // namespace

std::vector<std::string_view> splitWords(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool CtlOptionInfo::belongsTo(std::string_view command) const {
  const std::vector<std::string_view> all = splitWords(commands, ' ');
  return isGlobal() || std::ranges::find(all, command) != all.end();
}

std::vector<std::string_view> CtlOptionInfo::nameList() const { return splitWords(names, ','); }

std::string CtlOptionInfo::shown() const {
  std::string out;
  for (std::string_view name : nameList()) {
    if (!out.empty()) out += ", ";
    out += name;
  }
  if (!isFlag()) out.append(" ").append(argument);
  return out;
}

std::span<const CommandInfo> ctlCommands() { return kCommands; }
std::span<const CtlOptionInfo> ctlOptions() { return kOptions; }

const CommandInfo& commandInfo(CtlCommand id) { return kCommands[static_cast<size_t>(id)]; }
const CtlOptionInfo& ctlOptionInfo(CtlOption id) { return kOptions[static_cast<size_t>(id)]; }

}  // namespace culvert
