// SPDX-License-Identifier: GPL-3.0-or-later
// Parses the command line into the requested action, and makes the configuration's source from the
// command line and the environment. Only cli.cc includes CLI11. Thread: start.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/config_source.h"
#include "main/explain_route.h"

namespace culvert {

struct CommandLine {
  enum class Action : uint8_t {
    kRun,
    kCheck,
    kDumpConfig,
    kProbe,
    kExplain,
    kHelp,
    kVersion,
    kGenerate
  };
  Action action = Action::kRun;
  std::string subject;       ///< for kHelp, the key or empty; for kGenerate, the name of the text
                             ///< to generate; for kProbe, the service or empty
  ExplainOptions explain;    ///< for kExplain
  bool checkStrict = false;  ///< for kCheck: the check is strict
  bool daemon = false;
  int readyFd = -1;        ///< -1 if there is none
  std::string configFile;  ///< the file of -c; empty if there is none
  Overrides overrides;     ///< from --set, the named options and --self-signed; without the
                           ///< environment
};

/// `arguments` does not contain the program's name. An error is a usage error (exit code 2) of one
/// line, with a suggestion if a known name is similar.
Result<CommandLine> parseCommandLine(const std::vector<std::string>& arguments);

/// Makes the source for run, check and dump. The file is the one that -c names, or else the one
/// that CULVERT_CONFIG names; there may be no file. The overrides of `line` and the CULVERT_
/// variables of `environment` ("NAME=VALUE") replace values of the file. Returns a usage error if
/// there is neither a file nor a service.
Result<ConfigSource> makeConfigSource(const CommandLine& line,
                                      const std::vector<std::string>& environment);

/// The environment of this process, as makeConfigSource() needs it.
std::vector<std::string> processEnvironment();

}  // namespace culvert
