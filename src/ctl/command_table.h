// SPDX-License-Identifier: GPL-3.0-or-later
// The table of commands.def as data. Thread: any (constants).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

enum class CtlCommand : uint8_t {
#define CTL_COMMAND(id, group, name, argument, values, brief, detail) k##id,
#define CTL_OPTION(id, commands, names, argument, values, param, brief, detail)
#include "ctl/commands.def"
#undef CTL_COMMAND
#undef CTL_OPTION
};

enum class CtlOption : uint8_t {
#define CTL_COMMAND(id, group, name, argument, values, brief, detail)
#define CTL_OPTION(id, commands, names, argument, values, param, brief, detail) k##id,
#include "ctl/commands.def"
#undef CTL_COMMAND
#undef CTL_OPTION
};

struct CommandInfo {
  CtlCommand id;
  std::string_view group, name, argument, values, brief, detail;

  bool argumentRequired() const { return !argument.empty() && argument.front() != '['; }
  bool severalArguments() const { return argument.find("...") != std::string_view::npos; }
};

struct CtlOptionInfo {
  CtlOption id;
  std::string_view commands, names, argument, values, param, brief, detail;

  bool isGlobal() const { return commands.empty(); }
  bool isFlag() const { return argument.empty(); }
  bool belongsTo(std::string_view command) const;
  /// The long name, for example "--yes".
  std::string_view longName() const { return names.substr(names.find("--")); }
  /// The names as help shows them, for example "-y, --yes" or "--admin ADDR".
  std::string shown() const;
  /// The parts of `names`, for example "-y" and "--yes".
  std::vector<std::string_view> nameList() const;
};

std::span<const CommandInfo> ctlCommands();
std::span<const CtlOptionInfo> ctlOptions();
const CommandInfo& commandInfo(CtlCommand id);
const CtlOptionInfo& ctlOptionInfo(CtlOption id);

/// Splits "a|b|c"; an empty text has no parts.
std::vector<std::string_view> splitWords(std::string_view text, char separator);

/// `--help`, or the help of one command.
std::string ctlHelp();
std::string ctlCommandHelp(const CommandInfo& command);

/// The bash completion (etc/culvertctl.bash) and culvertctl(8).
std::string bashCompletion();
std::string manCulvertctl();

/// "culvertctl 0.1.0 (REVISION)".
std::string ctlVersion();

}  // namespace culvert
