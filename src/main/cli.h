// SPDX-License-Identifier: GPL-3.0-or-later
// The command line: the requested action, checked by itself, and the configuration's source, which
// follows from the command line and the environment. CLI11 stays behind this door. Thread: start.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/config_source.h"

namespace culvert {

struct CommandLine {
  enum class Action : uint8_t { kRun, kCheck, kDumpConfig, kHelp, kVersion, kGenerate };
  Action action = Action::kRun;
  std::string subject;       ///< kHelp: the key or empty; kGenerate: what
  bool checkStrict = false;  ///< kCheck
  bool daemon = false;
  int readyFd = -1;        ///< -1: none
  std::string configFile;  ///< -c; empty: none
  Overrides overrides;     ///< --set, the named options, --self-signed; no environment yet
};

/// `arguments` are those without the program's name. The error is a usage error (exit code 2): one
/// line, with a suggestion if a known name is similar.
Result<CommandLine> parseCommandLine(const std::vector<std::string>& arguments);

/// The source for run, check and dump: the file of -c, else of CULVERT_CONFIG, else none. The
/// overrides of `line` and the CULVERT_ variables of `environment` ("NAME=VALUE") apply on top. A
/// usage error if neither says what to serve.
Result<ConfigSource> makeConfigSource(const CommandLine& line,
                                      const std::vector<std::string>& environment);

/// The environment of this process in the form that makeConfigSource() takes.
std::vector<std::string> processEnvironment();

}  // namespace culvert
