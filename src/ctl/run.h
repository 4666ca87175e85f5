// SPDX-License-Identifier: GPL-3.0-or-later
// Runs a command: sends its requests, prints the answers, and decides the exit code. Thread: main.
#pragma once

#include "ctl/command_line.h"
#include "ctl/ctl_exit.h"
#include "ctl/table.h"

namespace culvert {

CtlResult<CtlExit> runCtl(const CtlLine& line);

/// Colours, if standard output is a terminal and NO_COLOR does not forbid them.
Style terminalStyle();

}  // namespace culvert
