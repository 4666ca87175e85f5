// SPDX-License-Identifier: GPL-3.0-or-later
// `culvertctl top`. Thread: main.
#pragma once

#include "ctl/command_line.h"
#include "ctl/ctl_exit.h"
#include "ctl/table.h"

namespace culvert {

/// Shows the tunnels until a key ends it. Prints one frame if standard input or output is not a
/// terminal, or with --once.
CtlResult<CtlExit> runTop(const CtlLine& line, const Style& style);

}  // namespace culvert
