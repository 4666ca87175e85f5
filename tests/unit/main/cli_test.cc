// SPDX-License-Identifier: GPL-3.0-or-later
// The command line: what it gives, what it refuses in which words, and which source of
// configuration follows from it.
#include "main/cli.h"

#include <gtest/gtest.h>

#include "config/option_docs.h"
#include "main/help.h"

namespace culvert {
namespace {

using Action = CommandLine::Action;
using Words = std::vector<std::string>;

CommandLine parse(const Words& words) {
  Result<CommandLine> line = parseCommandLine(words);
  EXPECT_TRUE(line) << line.error().text;
  return line.value_or(CommandLine{});
}

TEST(Cli, RunsAFile) {
  for (const Words& words : {Words{"-c", "f.ini"}, Words{"--config", "f.ini"},
                             Words{"--config=f.ini"}, Words{"-cf.ini"}}) {
    const CommandLine line = parse(words);
    EXPECT_EQ(line.action, Action::kRun);
    EXPECT_EQ(line.configFile, "f.ini");
    EXPECT_FALSE(line.daemon);
    EXPECT_EQ(line.readyFd, -1);
  }
  const CommandLine line = parse({"--daemon", "-c", "f.ini", "--ready-fd", "7"});
  EXPECT_TRUE(line.daemon);
  EXPECT_EQ(line.readyFd, 7);
}

TEST(Cli, NamedOptionsAreOverridesInTheirOrder) {
  const CommandLine line =
      parse({"--listen", "1", "--listen=[::1]:2", "--backend", "unix:/b", "--cert", "c", "--key",
             "k", "--log", "stdout", "--log-level", "debug"});
  const std::pair<const char*, const char*> expected[] = {
      {"--listen", "1"}, {"--listen", "[::1]:2"}, {"--backend", "unix:/b"}, {"--cert", "c"},
      {"--key", "k"},    {"--log", "stdout"},     {"--log-level", "debug"}};
  ASSERT_EQ(line.overrides.named.size(), std::size(expected));
  for (size_t i = 0; i < std::size(expected); ++i) {
    EXPECT_EQ(line.overrides.named[i].option, expected[i].first);
    EXPECT_EQ(line.overrides.named[i].value, expected[i].second);
  }
  EXPECT_TRUE(parse({"--listen", "1", "--backend", "2", "--self-signed"}).overrides.selfSigned);
}

TEST(Cli, SetTakesOneValueEachTime) {
  const CommandLine line =
      parse({"--set", "global.log=file:/x", "--set=service:a.b.cert=c=d", "-c", "f"});
  EXPECT_EQ(line.overrides.sets, (Words{"global.log=file:/x", "service:a.b.cert=c=d"}));
  EXPECT_FALSE(parseCommandLine({"--set", "a.b=c", "d.e=f", "-c", "f"}));
}

TEST(Cli, Actions) {
  EXPECT_EQ(parse({"-t", "-c", "f"}).action, Action::kCheck);
  EXPECT_FALSE(parse({"-t", "-c", "f"}).checkStrict);
  EXPECT_EQ(parse({"-tc", "f"}).configFile, "f");
  EXPECT_TRUE(parse({"--check=strict", "-c", "f"}).checkStrict);
  EXPECT_EQ(parse({"--dump-config", "-c", "f"}).action, Action::kDumpConfig);
  EXPECT_EQ(parse({"-V"}).action, Action::kVersion);
  EXPECT_EQ(parse({"--version"}).action, Action::kVersion);
  EXPECT_EQ(parse({"--help"}).action, Action::kHelp);
  EXPECT_EQ(parse({"-h"}).subject, "");
  EXPECT_EQ(parse({"--help", "idle-timeout"}).subject, "idle-timeout");
  EXPECT_EQ(parse({"--generate", "man"}).subject, "man");
}

TEST(Cli, UsageErrorsAreOneLine) {
  const std::pair<Words, const char*> rows[] = {
      {{"--lisen", "1"}, "unknown option \"--lisen\" (did you mean \"--listen\")"},
      {{"--selfsigned"}, "unknown option \"--selfsigned\" (did you mean \"--self-signed\")"},
      {{"-x"}, "unknown option \"-x\""},
      {{"--target", "localhost:80"},
       "unknown option \"--target\", a word of ghostunnel; culvert calls this backend; use "
       "--backend"},
      {{"--connect-proxy=http://p:1"},
       "unknown option \"--connect-proxy\", a word of ghostunnel; culvert calls this via; use "
       "--set "
       "service:main.via=VALUE"},
      {{"--shutdown-timeout", "5m"},
       "unknown option \"--shutdown-timeout\", a word of ghostunnel; culvert calls this "
       "drain-timeout; use --set global.drain-timeout=VALUE"},
      {{"--cacert", "c"},
       "unknown option \"--cacert\", a word of ghostunnel; culvert calls this backend-ca (for "
       "servers) or client-ca (for clients); use --set service:main.KEY=VALUE"},
      {{"--unsafe-target"},
       "unknown option \"--unsafe-target\", a word of ghostunnel; culvert has no such option; it "
       "connects to any address; see culvert --help"},
      {{"--allow-cn", "x"},
       "unknown option \"--allow-cn\", which is a key; use --set service:main.allow-cn=VALUE"},
      {{"--workers=4"},
       "unknown option \"--workers\", which is a key; use --set global.workers=VALUE"},
      {{"client", "--listen", "1"},
       "unexpected argument \"client\", a word of stunnel, hitch and ghostunnel; culvert calls "
       "this "
       "tls = off with backend-tls = on; use --set service:main.KEY=VALUE; a configuration file"},
      {{"f.ini"}, "unexpected argument \"f.ini\"; a configuration file is given with -c FILE"},
      {{"-c"}, "--config needs a value"},
      {{"-c", ""}, "-c needs the name of a file"},
      {{"-c", "a", "-c", "b"}, "--config is given more than once"},
      {{"--set"}, "--set needs a value"},
      {{"--daemon=1"}, "--daemon takes no value"},
      {{"--check=loose", "-c", "f"},
       "--check=loose is not allowed; allowed: --check, --check=strict"},
      {{"--ready-fd", "x", "-c", "f"},
       "--ready-fd takes the number of an open descriptor, not \"x\""},
      {{"--ready-fd", "99999999999999999999"}, "--ready-fd takes the number of an open descriptor"},
      {{"--self-signed", "--cert", "c"}, "--self-signed and --cert exclude each other"},
      {{"--self-signed", "--key", "c"}, "--self-signed and --key exclude each other"},
      {{"-t", "--dump-config"}, "--check and --dump-config exclude each other"},
      {{"-t", "--daemon"}, "--check and --daemon exclude each other"},
      {{"--help", "idle-timout"},
       "there is no key \"idle-timout\" (did you mean \"idle-timeout\")"},
  };
  for (const auto& [words, expected] : rows) {
    const Result<CommandLine> line = parseCommandLine(words);
    ASSERT_FALSE(line) << expected;
    EXPECT_EQ(line.error().text.substr(0, std::string_view(expected).size()), expected);
    EXPECT_EQ(line.error().text.find('\n'), std::string::npos);
    EXPECT_TRUE(line.error().text.ends_with("; see culvert --help")) << line.error().text;
  }
}

TEST(Cli, TheSourceOfTheConfiguration) {
  const auto fileOf = [](const Words& words, const Words& environment) {
    Result<ConfigSource> source = makeConfigSource(parse(words), environment);
    return source ? "file:" + source->file() : source.error().text;
  };
  EXPECT_EQ(fileOf({"-c", "a"}, {}), "file:a");
  EXPECT_EQ(fileOf({"-c", "a"}, {"CULVERT_CONFIG=b"}), "file:a");
  EXPECT_EQ(fileOf({}, {"CULVERT_CONFIG=b"}), "file:b");
  EXPECT_EQ(fileOf({}, {"CULVERT_TUNNEL_LISTEN=1"}), "file:");
  EXPECT_EQ(fileOf({"--listen", "1"}, {}), "file:");
  EXPECT_EQ(fileOf({"--set", "service:a.listen=1"}, {}), "file:");
  EXPECT_EQ(fileOf({"--set", "global.include=conf.d/*.ini"}, {}), "file:");
  EXPECT_EQ(fileOf({}, {"CULVERT_GLOBAL_INCLUDE=conf.d/*.ini"}), "file:");
  EXPECT_EQ(fileOf({}, {}).substr(0, 17), "nothing to serve:");
  EXPECT_EQ(fileOf({"--set", "global.workers=1"}, {"CULVERT_GLOBAL_LOG=stdout"}).substr(0, 17),
            "nothing to serve:");
  EXPECT_EQ(fileOf({}, {"CULVERT_CONFIG="}).substr(0, 34), "the variable CULVERT_CONFIG is emp");
}

TEST(Cli, EnvironmentAndNamedOptionsReachTheConfiguration) {
  const CommandLine line =
      parse({"--listen", "1", "--backend", "2", "--self-signed", "--set", "global.workers=2"});
  const LoadOutcome outcome = makeConfigSource(line, {"CULVERT_GLOBAL_LOG=stdout"})->load({});
  ASSERT_TRUE(outcome.ok()) << outcome.diagnostics.list()[0].text();
  EXPECT_EQ(outcome.config.global.workers, 2u);
  EXPECT_EQ(outcome.config.global.log.sink, LogTarget::kStdout);
  EXPECT_EQ(outcome.config.services.at(0).name, "main");
}

TEST(Help, HasEveryOptionOfBothTables) {
  const std::string usage = usageText(), man = manCulvert();
  for (const CliOptionWords& option : cliOptions()) {
    if (option.group.empty()) {
      EXPECT_EQ(usage.find(option.names), std::string::npos) << option.names;
      continue;
    }
    EXPECT_NE(usage.find("\n  " + option.names), std::string::npos) << option.names;
    const std::string entry = ".TP\n.B " + roffText(option.names) + "\n" + roffText(option.brief);
    EXPECT_NE(man.find(entry + "\n"), std::string::npos) << entry;
  }
  for (const OptionInfo& info : allOptions())
    EXPECT_NE(usage.find("\n  " + std::string(info.key)), std::string::npos) << info.key;
  EXPECT_NE(keyHelp("groups").find("X25519"), std::string::npos);
}

TEST(Help, GeneratesEachFileAndNamesThemOtherwise) {
  for (const char* what : {"sample", "man", "man-ini", "readme-table"})
    EXPECT_GT(generate(what).value().size(), 500u);
  EXPECT_NE(generate("mann").error().text.find("(did you mean \"man\")"), std::string::npos);
}

TEST(Help, ManualLinesAreCleanRoff) {
  for (const std::string& page : {manCulvert(), manIni()}) {
    EXPECT_TRUE(page.ends_with("\n"));
    EXPECT_EQ(page.find("\n\n"), std::string::npos);
    EXPECT_EQ(page.find(" \n"), std::string::npos);
  }
}

}  // namespace
}  // namespace culvert
