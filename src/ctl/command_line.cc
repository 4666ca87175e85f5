// SPDX-License-Identifier: GPL-3.0-or-later
// Sets up CLI11 from the table, and replaces each error text of CLI11 by one line.
#include "ctl/command_line.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>

#include "base/ascii.h"
#include "base/words.h"
#include "ctl/words_of.h"

namespace culvert {

namespace {

constexpr int kMaxArguments = 10'000;

/// What CLI11 stores. The vectors do not move while CLI11 refers to their elements.
struct RawLine {
  std::map<CtlCommand, CLI::App*> commands;
  std::map<CtlCommand, std::vector<std::string>> arguments;
  std::map<std::pair<CtlCommand, CtlOption>, std::vector<std::string>> values;
  std::map<CtlOption, std::vector<std::string>> globalValues;
  std::vector<std::string> generate;
};

tl::unexpected<CtlFailure> usage(std::string_view what, std::string_view command = {}) {
  return ctlFail(kCtlUsage, fmt::format("{}; see culvertctl {}{}--help", what, command,
                                        command.empty() ? "" : " "));
}

void addOption(CLI::App& app, const CtlOptionInfo& option, std::vector<std::string>& into) {
  const std::string names(option.names);
  if (option.isFlag())
    app.add_flag_callback(names, [&into] { into.assign(1, ""); })->disable_flag_override();
  else
    app.add_option(names, into)->allow_extra_args(false);
}

void declareCommand(CLI::App& app, const CommandInfo& info, RawLine& raw) {
  CLI::App* command = app.add_subcommand(std::string(info.name));
  raw.commands[info.id] = command;
  command->set_help_flag();
  command->fallthrough();
  command->allow_extras();
  if (!info.argument.empty())
    command->add_option("ARGUMENT", raw.arguments[info.id])->expected(0, kMaxArguments);
  for (const CtlOptionInfo& option : ctlOptions())
    if (!option.isGlobal() && option.belongsTo(info.name))
      addOption(*command, option, raw.values[{info.id, option.id}]);
}

void declareAll(CLI::App& app, RawLine& raw) {
  app.set_help_flag();
  app.allow_extras();
  app.require_subcommand(0, 1);
  app.add_option("--generate", raw.generate)->allow_extra_args(false);
  for (const CtlOptionInfo& option : ctlOptions())
    if (option.isGlobal()) addOption(app, option, raw.globalValues[option.id]);
  for (const CommandInfo& info : ctlCommands()) declareCommand(app, info, raw);
}

tl::unexpected<CtlFailure> unknownArgument(std::string_view argument, const CommandInfo* command) {
  const std::string_view commandName = command == nullptr ? "" : command->name;
  if (!argument.starts_with('-')) {
    if (command != nullptr)
      return usage(fmt::format("unexpected argument \"{}\"", printable(argument, 100)),
                   commandName);
    std::vector<std::string_view> names;
    for (const CommandInfo& info : ctlCommands()) names.push_back(info.name);
    return usage(fmt::format("there is no command \"{}\"{}", printable(argument, 60),
                             didYouMean(nearestName(argument, names))));
  }
  const std::string_view word = argument.substr(0, argument.find('='));
  std::vector<std::string_view> names;
  for (const CtlOptionInfo& option : ctlOptions()) {
    for (std::string_view name : option.nameList())
      if (name == word && !option.isGlobal() &&
          (command == nullptr || option.belongsTo(commandName)))
        return usage(fmt::format("{} comes after the command ({})", word, option.commands));
    if (option.belongsTo(commandName)) names.push_back(option.longName());
  }
  return usage(fmt::format("unknown option \"{}\"{}", printable(word, 60),
                           didYouMean(nearestName(word, names))),
               commandName);
}

/// Rewords CLI11's text about the number of values ("--set: 1 required TEXT missing").
std::string mismatchText(std::string_view what) {
  const std::string_view name = what.substr(0, what.find_first_of(": "));
  if (what.find("disallowed flag override") != std::string_view::npos)
    return fmt::format("--{} takes no value", name);
  if (what.find("missing") != std::string_view::npos) return fmt::format("{} needs a value", name);
  return printable(what, 200);
}

CtlResult<void> takeOption(CtlLine& line, const CtlOptionInfo& option,
                           const std::vector<std::string>& values) {
  if (values.empty()) return {};
  if (values.size() > 1) return usage(fmt::format("{} is given more than once", option.longName()));
  if (!option.isFlag() && values.front().empty())
    return usage(fmt::format("{} needs a value", option.longName()));
  const std::vector<std::string_view> allowed =
      option.values == "service" ? std::vector<std::string_view>() : splitWords(option.values, '|');
  if (!allowed.empty() && std::ranges::find(allowed, values.front()) == allowed.end())
    return usage(fmt::format(
        "{} has no value \"{}\"{}; allowed: {}", option.longName(), printable(values.front(), 60),
        didYouMean(nearestName(values.front(), allowed)), fmt::join(allowed, ", ")));
  line.options[option.id] = values.front();
  return {};
}

CtlResult<void> judgeNumbers(const CtlLine& line) {
  constexpr CtlOption kNumbers[] = {CtlOption::kLimit, CtlOption::kAskPort, CtlOption::kOrSignal};
  for (CtlOption option : kNumbers) {
    if (!line.has(option)) continue;
    const std::string value = line.value(option);
    if (value.size() > 9 || !std::ranges::all_of(value, isDigit) || std::stoll(value) == 0)
      return usage(fmt::format("{} takes a whole number from 1, not \"{}\"",
                               ctlOptionInfo(option).longName(), printable(value, 40)));
  }
  for (CtlOption option : {CtlOption::kMinAge, CtlOption::kBlockedFor, CtlOption::kFor,
                           CtlOption::kInterval, CtlOption::kTimeout}) {
    if (!line.has(option)) continue;
    const Result<Millis> span = parseTimeSpan(line.value(option));
    if (!span || span->count() == 0)
      return usage(fmt::format("{}: {}", ctlOptionInfo(option).longName(),
                               span ? "it must not be 0" : span.error().text));
  }
  return {};
}

CtlResult<void> judgeClose(const CtlLine& line) {
  if (line.command != CtlCommand::kClose) return {};
  const bool filtered = line.hasFilter(), all = line.has(CtlOption::kAll);
  for (const std::string& id : line.arguments)
    if (id.empty() || !std::ranges::all_of(id, [](char c) {
          return isAlnum(c) || c == '-' || c == '.' || c == ':' || c == '_';
        }))
      return usage(fmt::format("\"{}\" is not an id of a tunnel", printable(id, 40)), "close");
  if (!line.arguments.empty() && (filtered || all))
    return usage("an id excludes --all and filters", "close");
  if (filtered && all) return usage("--all and filters exclude each other", "close");
  if (line.arguments.empty() && !filtered && !all)
    return usage("give the id of a tunnel, a filter, or --all", "close");
  return {};
}

CtlResult<void> judgeCommand(const CtlLine& line) {
  const CommandInfo& info = commandInfo(line.command);
  if (info.argumentRequired() && line.arguments.empty())
    return usage(fmt::format("{} needs {}", info.name, info.argument), info.name);
  if (!info.severalArguments() && line.arguments.size() > 1)
    return usage(fmt::format("{} takes one {}", info.name, info.argument), info.name);
  for (const std::string& argument : line.arguments)
    if (argument.empty()) return usage("an argument is empty", info.name);
  const std::vector<std::string_view> allowed =
      info.values == "service" ? std::vector<std::string_view>() : splitWords(info.values, '|');
  if (!allowed.empty() && std::ranges::find(allowed, line.arguments.front()) == allowed.end())
    return usage(fmt::format(
        "there is no level \"{}\"{}; allowed: {}", printable(line.arguments.front(), 40),
        didYouMean(nearestName(line.arguments.front(), allowed)), fmt::join(allowed, ", ")));
  constexpr CtlCommand kNoJson[] = {CtlCommand::kTop, CtlCommand::kMetrics, CtlCommand::kLive,
                                    CtlCommand::kReady};
  if (line.has(CtlOption::kJson) && std::ranges::find(kNoJson, line.command) != std::end(kNoJson))
    return usage(fmt::format("{} has no JSON form; leave out --json", info.name));
  if (line.has(CtlOption::kJson) && line.has(CtlOption::kNames))
    return usage("--json and --names exclude each other");
  if (CtlResult<void> judged = judgeNumbers(line); !judged) return judged;
  return judgeClose(line);
}

CtlResult<void> chooseAddress(CtlLine& line, const char* environment) {
  if (const auto given = line.options.find(CtlOption::kAdmin); given != line.options.end()) {
    Result<AdminAddress> address = parseAdminAddress(given->second);
    if (!address) return usage("--admin: " + address.error().text);
    line.address = *address;
    return {};
  }
  if (environment != nullptr && *environment == '\0')
    return usage("the variable CULVERT_ADMIN is empty; give it an address, or unset it");
  Result<AdminAddress> address =
      parseAdminAddress(environment != nullptr ? environment : kDefaultAdminAddress);
  if (!address) return usage("CULVERT_ADMIN: " + address.error().text);
  line.address = *address;
  return {};
}

CtlResult<CtlLine> takeLine(const CLI::App& app, const RawLine& raw, const char* environment) {
  CtlLine line;
  const CommandInfo* command = nullptr;
  for (const auto& [id, parsed] : raw.commands)
    if (parsed->parsed()) command = &commandInfo(id);
  for (const std::string& rest : app.remaining(true))
    if (rest != "--") return unknownArgument(rest, command);
  for (const auto& [id, values] : raw.globalValues)
    if (CtlResult<void> taken = takeOption(line, ctlOptionInfo(id), values); !taken)
      return tl::unexpected(taken.error());
  if (command != nullptr) {
    line.command = command->id;
    line.named = true;
    for (const auto& [key, values] : raw.values)
      if (key.first == line.command)
        if (CtlResult<void> taken = takeOption(line, ctlOptionInfo(key.second), values); !taken)
          return tl::unexpected(taken.error());
    if (const auto found = raw.arguments.find(line.command); found != raw.arguments.end())
      line.arguments = found->second;
  }
  if (line.has(CtlOption::kHelp)) line.action = CtlLine::Action::kHelp;
  if (line.has(CtlOption::kVersion)) line.action = CtlLine::Action::kVersion;
  if (!raw.generate.empty()) {
    line.action = CtlLine::Action::kGenerate;
    line.generate = raw.generate.front();
  }
  if (line.action != CtlLine::Action::kCommand) return line;
  if (command == nullptr) return usage("give a command");
  if (CtlResult<void> judged = judgeCommand(line); !judged) return tl::unexpected(judged.error());
  if (CtlResult<void> chosen = chooseAddress(line, environment); !chosen)
    return tl::unexpected(chosen.error());
  if (line.has(CtlOption::kTimeout)) line.timeout = *parseTimeSpan(line.value(CtlOption::kTimeout));
  return line;
}

}  // namespace

std::string CtlLine::value(CtlOption option) const {
  const auto found = options.find(option);
  return found == options.end() ? std::string() : found->second;
}

std::vector<std::pair<std::string, std::string>> CtlLine::query() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const CtlOptionInfo& option : ctlOptions())
    if (has(option.id) && !option.param.empty())
      out.emplace_back(option.param, option.isFlag() ? "1" : value(option.id));
  return out;
}

bool CtlLine::hasFilter() const {
  return std::ranges::any_of(ctlOptions(), [&](const CtlOptionInfo& option) {
    return has(option.id) && option.commands == ctlOptionInfo(CtlOption::kService).commands;
  });
}

CtlResult<CtlLine> parseCtlLine(const std::vector<std::string>& arguments,
                                const char* environment) {
  CLI::App app;
  RawLine raw;
  try {
    declareAll(app, raw);
    // CLI11 requires the last argument first.
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(reversed);
  } catch (const CLI::ArgumentMismatch& error) {
    return usage(mismatchText(error.what()));
  } catch (const CLI::ParseError& error) {
    return usage(printable(error.what(), 300));
  }
  return takeLine(app, raw, environment);
}

}  // namespace culvert
