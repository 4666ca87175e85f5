// SPDX-License-Identifier: GPL-3.0-or-later
// main() of culvert.
#include "base/standard_streams.h"
#include "main/run_culvert.h"

int main(int argc, char** argv) {
  culvert::reserveStandardStreams();
  return culvert::runCulvert({argv + (argc > 0 ? 1 : 0), argv + argc});
}
