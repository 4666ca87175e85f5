// SPDX-License-Identifier: GPL-3.0-or-later
// Sets up CLI11 from cli_options.def, and replaces each error text of CLI11 by one line.
#include "main/cli.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>

#include "base/words.h"
#include "config/foreign_words.h"
#include "config/option_docs.h"
#include "config/option_table.h"
#include "config/values.h"

namespace culvert {

namespace {

constexpr std::string_view kSeeHelp = "; see culvert --help";

/// The option names in CLI11's form, by id.
namespace names {
#define CLI_OPTION(id, group, text, argument, brief, detail) constexpr const char* id = text;
#include "main/cli_options.def"
#undef CLI_OPTION
}  // namespace names

std::vector<std::string_view> longNames() {
  std::vector<std::string_view> all;
  for (std::string_view text : {
#define CLI_OPTION(id, group, text, argument, brief, detail) std::string_view(text),
#include "main/cli_options.def"
#undef CLI_OPTION
       })
    all.push_back(text.substr(text.find("--")));
  return all;
}

/// The values of the options as CLI11 stores them.
struct Raw {
  bool daemon = false, selfSigned = false, backendTls = false, dumpConfig = false, version = false,
       explain = false;
  ExplainOptions asked;
  std::string check, probe, help, generate, readyFd, config;
  std::vector<std::string> set, listen, backend, tls, cert, key, log, logLevel;
  std::vector<CLI::Option*> askedOptions;
  CLI::Option *checkOption = nullptr, *probeOption = nullptr, *helpOption = nullptr,
              *generateOption = nullptr, *readyFdOption = nullptr, *configOption = nullptr;
};

CLI::Option* addRepeated(CLI::App& app, const char* name, std::vector<std::string>& into) {
  // Each use of the option takes one value. Without allow_extra_args(false), CLI11 would also take
  // the next arguments.
  return app.add_option(name, into)->allow_extra_args(false);
}

void declare(CLI::App& app, Raw& raw) {
  app.set_help_flag();
  app.allow_extras();
  raw.configOption = app.add_option(names::config, raw.config);
  raw.readyFdOption = app.add_option(names::readyFd, raw.readyFd);
  raw.generateOption = app.add_option(names::generate, raw.generate);
  raw.helpOption = app.add_option(names::help, raw.help)->expected(0, 1);
  raw.probeOption = app.add_option(names::probe, raw.probe)->expected(0, 1);
  raw.checkOption = app.add_flag(names::check, raw.check);
  app.add_flag(names::daemon, raw.daemon)->disable_flag_override();
  app.add_flag(names::selfSigned, raw.selfSigned)->disable_flag_override();
  app.add_flag(names::dumpConfig, raw.dumpConfig)->disable_flag_override();
  app.add_flag(names::explain, raw.explain)->disable_flag_override();
  raw.askedOptions = {
      app.add_option(names::client, raw.asked.client), app.add_option(names::sni, raw.asked.sni),
      app.add_option(names::alpn, raw.asked.alpn), app.add_option(names::port, raw.asked.port),
      app.add_option(names::transport, raw.asked.transport)};
  app.add_flag(names::version, raw.version)->disable_flag_override();
  addRepeated(app, names::set, raw.set);
  addRepeated(app, names::listen, raw.listen);
  addRepeated(app, names::backend, raw.backend);
  addRepeated(app, names::tls, raw.tls);
  app.add_flag(names::backendTls, raw.backendTls)->disable_flag_override();
  addRepeated(app, names::cert, raw.cert);
  addRepeated(app, names::key, raw.key);
  addRepeated(app, names::log, raw.log);
  addRepeated(app, names::logLevel, raw.logLevel);
}

Result<CommandLine> usage(std::string what) {
  return fail(std::move(what) + std::string(kSeeHelp));
}

/// Says how the command line sets a key, or any key if `key` is empty.
std::string howToSet(std::string_view key) {
  const std::string option = fmt::format("--{}", key);
  const std::vector<std::string_view> named = longNames();
  if (std::ranges::find(named, option) != named.end()) return "; use " + option;
  const bool global = findOption(OptionScope::kGlobal, key) != nullptr;
  return fmt::format("; use --set {}.{}=VALUE", global ? "global" : "service:main",
                     key.empty() ? "KEY" : key);
}

/// Says what culvert has instead of an option of another proxy. Returns "" if the name is unknown.
std::string foreignOptionHint(std::string_view name) {
  const ForeignWord* foreign = findForeignWord(name);
  if (foreign == nullptr) return {};
  std::string hint = ", " + foreign->text();
  const std::vector<std::string_view> keys = foreign->keyList();
  if (!keys.empty()) hint += howToSet(keys.size() == 1 ? keys.front() : "");
  return hint;
}

/// Says what a long option means that culvert does not have. A key of the configuration is not an
/// option of its own, except for the few in cli_options.def.
std::string unknownOptionHint(std::string_view word) {
  const std::string_view name = word.substr(2);
  if (findOption(OptionScope::kGlobal, name) != nullptr ||
      findOption(OptionScope::kService, name) != nullptr)
    return ", which is a key" + howToSet(name);
  if (std::string hint = foreignOptionHint(name); !hint.empty()) return hint;
  return didYouMean(nearestName(word, longNames()));
}

Result<CommandLine> unknownArgument(const std::string& argument) {
  if (!argument.starts_with('-') || argument == "-") {
    return usage(
        fmt::format("unexpected argument \"{}\"{}; a configuration file is given with -c FILE",
                    printable(argument, 100), foreignOptionHint(argument)));
  }
  const std::string_view word = std::string_view(argument).substr(0, argument.find('='));
  return usage(fmt::format("unknown option \"{}\"{}", printable(word, 100),
                           argument.starts_with("--") ? unknownOptionHint(word) : std::string()));
}

/// Rewords CLI11's text about the number of values ("--set: 1 required TEXT missing").
std::string mismatchWords(std::string_view what) {
  const std::string_view name = what.substr(0, what.find_first_of(": "));
  if (what.find("disallowed flag override") != std::string_view::npos)
    return fmt::format("--{} takes no value", name);
  if (what.find("missing") != std::string_view::npos) return fmt::format("{} needs a value", name);
  if (what.find("At Most") != std::string_view::npos)
    return fmt::format("{} is given more than once", name);
  return std::string(what);
}

/// Sets the requested action. Returns an error if more than one action is requested.
Result<void> chooseAction(const Raw& raw, CommandLine& line) {
  using Action = CommandLine::Action;
  struct Asked {
    bool asked;
    Action action;
    std::string_view name;
  };
  const Asked all[] = {
      {raw.helpOption->count() != 0, Action::kHelp, "--help"},
      {raw.version, Action::kVersion, "--version"},
      {raw.generateOption->count() != 0, Action::kGenerate, "--generate"},
      {raw.checkOption->count() != 0, Action::kCheck, "--check"},
      {raw.probeOption->count() != 0, Action::kProbe, "--probe"},
      {raw.explain, Action::kExplain, "--explain"},
      {raw.dumpConfig, Action::kDumpConfig, "--dump-config"},
  };
  std::string_view first;
  for (const Asked& one : all) {
    if (!one.asked) continue;
    if (!first.empty()) return fail(fmt::format("{} and {} exclude each other", first, one.name));
    first = one.name;
    line.action = one.action;
  }
  if (line.action != Action::kRun && raw.daemon)
    return fail(fmt::format("{} and --daemon exclude each other", first));
  return {};
}

void addNamed(Overrides& overrides, const char* option, std::string_view key,
              const std::vector<std::string>& values) {
  for (const std::string& value : values)
    overrides.named.push_back({option, std::string(key), value});
}

Result<void> takeValues(const Raw& raw, CommandLine& line) {
  if (raw.configOption->count() != 0 && raw.config.empty())
    return fail("-c needs the name of a file");
  line.configFile = raw.config;
  line.daemon = raw.daemon;
  if (raw.readyFdOption->count() != 0) {
    const Result<int64_t> number = parseNumber(raw.readyFd);
    if (!number || *number > 1'000'000)
      return fail(fmt::format("--ready-fd takes the number of an open descriptor, not \"{}\"",
                              printable(raw.readyFd, 60)));
    line.readyFd = static_cast<int>(*number);
  }
  if (raw.checkOption->count() != 0 && raw.check != "true") {
    if (raw.check != "strict")
      return fail(fmt::format("--check={} is not allowed; allowed: --check, --check=strict",
                              printable(raw.check, 60)));
    line.checkStrict = true;
  }
  line.subject = line.action == CommandLine::Action::kGenerate ? raw.generate
                 : line.action == CommandLine::Action::kProbe  ? raw.probe
                                                               : raw.help;
  line.explain = raw.asked;
  for (const CLI::Option* option : raw.askedOptions)
    if (option->count() != 0 && !raw.explain)
      return fail(fmt::format("{} needs --explain", option->get_name()));
  Overrides& overrides = line.overrides;
  overrides.sets = raw.set;
  overrides.selfSigned = raw.selfSigned;
  addNamed(overrides, "--listen", "listen", raw.listen);
  addNamed(overrides, "--backend", "backend", raw.backend);
  addNamed(overrides, "--tls", "tls", raw.tls);
  if (raw.backendTls) addNamed(overrides, "--backend-tls", "backend-tls", {"on"});
  addNamed(overrides, "--cert", "cert", raw.cert);
  addNamed(overrides, "--key", "key", raw.key);
  addNamed(overrides, "--log", "log", raw.log);
  addNamed(overrides, "--log-level", "log-level", raw.logLevel);
  if (raw.selfSigned && (!raw.cert.empty() || !raw.key.empty()))
    return fail(fmt::format("--self-signed and {} exclude each other",
                            raw.cert.empty() ? "--key" : "--cert"));
  return {};
}

/// `--backend-tls` without a certificate means client mode: tls = off.
void implyClientMode(Overrides& overrides) {
  const auto names = [&](std::string_view key) {
    const std::string set = fmt::format("service:{}.{}=", kMainService, key);
    const std::string variable = environmentName("CULVERT_TUNNEL_", key);
    return std::ranges::any_of(overrides.named, [&](const auto& one) { return one.key == key; }) ||
           std::ranges::any_of(overrides.sets,
                               [&](const auto& one) { return one.starts_with(set); }) ||
           environmentValue(overrides.environment, variable) != nullptr;
  };
  const bool backendTls = std::ranges::any_of(
      overrides.named, [](const auto& one) { return one.option == "--backend-tls"; });
  if (!backendTls || overrides.selfSigned || names("cert") || names("tls")) return;
  overrides.named.push_back({"--backend-tls", "tls", "off"});
}

}  // namespace

Result<CommandLine> parseCommandLine(const std::vector<std::string>& arguments) {
  CLI::App app;
  Raw raw;
  try {
    declare(app, raw);
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // CLI11 requires the
                                                                              // last argument first
    app.parse(reversed);
  } catch (const CLI::ArgumentMismatch& error) {
    return usage(mismatchWords(error.what()));
  } catch (const CLI::ParseError& error) {
    return usage(printable(error.what(), 300));
  }
  for (const std::string& rest : app.remaining())
    if (rest != "--") return unknownArgument(rest);
  CommandLine line;
  if (Result<void> chosen = chooseAction(raw, line); !chosen) return usage(chosen.error().text);
  if (Result<void> taken = takeValues(raw, line); !taken) return usage(taken.error().text);
  if (line.action == CommandLine::Action::kHelp && !line.subject.empty() &&
      optionHelp(line.subject).empty())
    return usage(fmt::format("there is no key \"{}\"{}", printable(line.subject, 60),
                             didYouMean(nearestOption(line.subject))));
  return line;
}

Result<ConfigSource> makeConfigSource(const CommandLine& line,
                                      const std::vector<std::string>& environment) {
  Overrides overrides = line.overrides;
  overrides.environment = environment;
  std::string file = line.configFile;
  if (file.empty()) {
    const char* named = environmentValue(environment, "CULVERT_CONFIG");
    if (named != nullptr && *named == '\0')
      return fail("the variable CULVERT_CONFIG is empty; give it the name of a file, or unset it");
    if (named != nullptr) file = named;
  }
  const auto isMain = [](const NamedOption& option) {
    return option.key == "listen" || option.key == "backend";
  };
  const bool hasNamed = std::any_of(overrides.named.begin(), overrides.named.end(), isMain);
  const auto setsService = [](const std::string& text) {
    return text.starts_with("service:") || text.starts_with("global.include");
  };
  const bool hasSet = std::any_of(overrides.sets.begin(), overrides.sets.end(), setsService) ||
                      environmentValue(environment, "CULVERT_GLOBAL_INCLUDE") != nullptr;
  if (file.empty() && !hasNamed && !hasSet && !environmentNamesService(environment)) {
    std::string what =
        "nothing to serve: give a configuration with -c FILE, or --listen ADDR --backend ADDR with "
        "--cert FILE --key FILE "
        "(or --self-signed)" +
        std::string(kSeeHelp);
    const Diagnostics hints = passedOverVariables(environment);
    for (const Diagnostic& hint : hints.list()) what += "\n" + hint.text();
    return fail(std::move(what));
  }
  if (file.empty()) implyClientMode(overrides);
  return ConfigSource(std::move(file), std::move(overrides));
}

std::vector<std::string> processEnvironment() {
  std::vector<std::string> all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    all.emplace_back(*entry);
  return all;
}

}  // namespace culvert
