// SPDX-License-Identifier: GPL-3.0-or-later
// main() of culvertctl.
#include "base/standard_streams.h"
#include "ctl/run_culvertctl.h"

int main(int argc, char** argv) {
  culvert::reserveStandardStreams();
  return culvert::runCulvertctl({argv + (argc > 0 ? 1 : 0), argv + argc});
}
