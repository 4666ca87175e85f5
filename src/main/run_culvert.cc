// SPDX-License-Identifier: GPL-3.0-or-later
// See run_culvert.h. Class Server is the daemon itself.
#include "main/run_culvert.h"

#include <cstdio>

#include "base/standard_streams.h"
#include "main/check.h"
#include "main/cli.h"
#include "main/help.h"
#include "main/probe.h"
#include "main/version.h"
#include "process/ready_report.h"
#include "server/exit_code.h"
#include "server/server.h"

namespace culvert {
namespace {

int usageError(const Error& error) {
  printLine(stderr, "culvert: " + error.text);
  return kExitUsage;
}

int serve(const CommandLine& line, ConfigSource source) {
  if (line.readyFd >= 0) {
    if (auto usable = checkReadyFd(line.readyFd); !usable) return usageError(usable.error());
  }
  ServerOptions options;
  options.daemon = line.daemon;
  options.readyFd = line.readyFd;
  options.version = versionText();
  return Server(std::move(source), std::move(options)).run();
}

int shown(const std::string& text) { return printOut(text) ? kExitClean : kExitFatal; }

int generateFile(const std::string& what) {
  const auto text = generate(what);
  if (!text) return usageError(text.error());
  return shown(*text);
}

}  // namespace

int runCulvert(const std::vector<std::string>& arguments) {
  const auto line = parseCommandLine(arguments);
  if (!line) return usageError(line.error());
  switch (line->action) {
    case CommandLine::Action::kHelp:
      return shown(line->subject.empty() ? usageText() : keyHelp(line->subject));
    case CommandLine::Action::kVersion:
      return shown(versionReport());
    case CommandLine::Action::kGenerate:
      return generateFile(line->subject);
    case CommandLine::Action::kRun:
    case CommandLine::Action::kCheck:
    case CommandLine::Action::kDumpConfig:
    case CommandLine::Action::kProbe:
    case CommandLine::Action::kExplain:
      break;
  }
  auto source = makeConfigSource(*line, processEnvironment());
  if (!source) return usageError(source.error());
  if (line->action == CommandLine::Action::kCheck) return checkConfig(*source, line->checkStrict);
  if (line->action == CommandLine::Action::kDumpConfig) return dumpConfig(*source);
  if (line->action == CommandLine::Action::kProbe) return probeBackends(*source, line->subject);
  if (line->action == CommandLine::Action::kExplain) return explainRoute(*source, line->explain);
  return serve(*line, std::move(*source));
}

}  // namespace culvert
