// SPDX-License-Identifier: GPL-3.0-or-later
// See run_culvertctl.h.
#include "ctl/run_culvertctl.h"

#include <cstdio>
#include <cstdlib>

#include "base/standard_streams.h"
#include "ctl/command_line.h"
#include "ctl/run.h"

namespace culvert {

int runCulvertctl(const std::vector<std::string>& arguments) {
  const CtlResult<CtlLine> line = parseCtlLine(arguments, std::getenv("CULVERT_ADMIN"));
  const CtlResult<CtlExit> done = line ? runCtl(*line) : tl::unexpected(line.error());
  if (done) return *done;
  printLine(stderr, "culvertctl: " + done.error().text);
  return done.error().code;
}

}  // namespace culvert
