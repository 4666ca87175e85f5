// SPDX-License-Identifier: GPL-3.0-or-later
// Parses the command line of culvertctl by the table of commands.def. Thread: main.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "ctl/admin_address.h"
#include "ctl/command_table.h"
#include "ctl/ctl_exit.h"

namespace culvert {

struct CtlLine {
  enum class Action : uint8_t { kCommand, kHelp, kVersion, kGenerate };

  Action action = Action::kCommand;
  CtlCommand command = CtlCommand::kStatus;
  bool named = false;                        ///< a command is given; --help may come without one
  std::vector<std::string> arguments;        ///< of the command
  std::map<CtlOption, std::string> options;  ///< the value; "" for a flag
  std::string generate;
  AdminAddress address;
  std::optional<Millis> timeout;

  bool has(CtlOption option) const { return options.contains(option); }
  std::string value(CtlOption option) const;
  /// The query that the given options make, in the order of the table.
  std::vector<std::pair<std::string, std::string>> query() const;
  /// True if an option limits which tunnels are meant.
  bool hasFilter() const;
};

/// `environment` is the value of CULVERT_ADMIN, or null. A failure has the code kCtlUsage.
CtlResult<CtlLine> parseCtlLine(const std::vector<std::string>& arguments, const char* environment);

}  // namespace culvert
