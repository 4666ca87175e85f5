// SPDX-License-Identifier: GPL-3.0-or-later
// main() of culvertctl.
#include <cstdlib>

#include "base/standard_streams.h"
#include "ctl/command_line.h"
#include "ctl/run.h"

int main(int argc, char** argv) {
  using namespace culvert;
  reserveStandardStreams();
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const CtlResult<CtlLine> line = parseCtlLine(arguments, std::getenv("CULVERT_ADMIN"));
  const CtlResult<CtlExit> done = line ? runCtl(*line) : tl::unexpected(line.error());
  if (done) return *done;
  printLine(stderr, "culvertctl: " + done.error().text);
  return done.error().code;
}
