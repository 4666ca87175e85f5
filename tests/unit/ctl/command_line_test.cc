// SPDX-License-Identifier: GPL-3.0-or-later
// The command line, and the documents made from the table of commands.
#include "ctl/command_line.h"

#include <gtest/gtest.h>

#include "base/page_words.h"

namespace culvert {
namespace {

using Query = std::vector<std::pair<std::string, std::string>>;

CtlLine parsed(const std::vector<std::string>& arguments) {
  const CtlResult<CtlLine> line = parseCtlLine(arguments, nullptr);
  EXPECT_TRUE(line) << line.error().text;
  return line.value_or(CtlLine());
}

std::string refusal(const std::vector<std::string>& arguments) {
  const CtlResult<CtlLine> line = parseCtlLine(arguments, nullptr);
  if (line) return "";
  EXPECT_EQ(line.error().code, kCtlUsage);
  return line.error().text;
}

TEST(CtlLine, OptionsMayStandOnBothSides) {
  const CtlLine before = parsed({"--admin", "9443", "--json", "status"});
  const CtlLine after = parsed({"status", "--json", "--admin=9443"});
  for (const CtlLine& line : {before, after}) {
    EXPECT_EQ(line.command, CtlCommand::kStatus);
    EXPECT_TRUE(line.has(CtlOption::kJson));
    EXPECT_EQ(line.address.text(), "127.0.0.1:9443");
  }
}

TEST(CtlLine, AddressFromTheOptionTheVariableOrTheDefault) {
  EXPECT_EQ(parsed({"live"}).address.text(), kDefaultAdminAddress);
  EXPECT_EQ(parseCtlLine({"live"}, "[::1]:5")->address.text(), "[::1]:5");
  EXPECT_EQ(parseCtlLine({"live", "--admin", "/a"}, "not used")->address.path, "/a");
  EXPECT_FALSE(parseCtlLine({"live"}, ""));
  EXPECT_FALSE(parseCtlLine({"live"}, "x"));
}

TEST(CtlLine, FiltersMakeTheQuery) {
  const CtlLine line =
      parsed({"tunnels", "--tcp", "--sni", "a b", "--service", "web", "--limit", "5"});
  EXPECT_EQ(line.query(),
            (Query{{"service", "web"}, {"sni", "a b"}, {"limit", "5"}, {"tcp", "1"}}));
  EXPECT_TRUE(line.hasFilter());
  EXPECT_FALSE(parsed({"tunnels", "--tcp"}).hasFilter());
  EXPECT_EQ(parsed({"explain", "--client", "10.0.0.1"}).query(), (Query{{"client", "10.0.0.1"}}));
  EXPECT_TRUE(parsed({"close", "-y", "--all"}).has(CtlOption::kYes));
}

TEST(CtlLine, Arguments) {
  EXPECT_EQ(parsed({"close", "1", "2", "3"}).arguments, (std::vector<std::string>{"1", "2", "3"}));
  // The name of a service may be that of a command.
  EXPECT_EQ(parsed({"services", "tunnels"}).arguments, std::vector<std::string>{"tunnels"});
  EXPECT_EQ(parsed({"drain"}).arguments.size(), 0U);
  EXPECT_EQ(parsed({"reload", "--timeout", "2m"}).timeout, Millis(120'000));
  EXPECT_EQ(refusal({"services", ""}), "an argument is empty; see culvertctl services --help");
  EXPECT_NE(refusal({"reload", "--or-signal", "x"}).find("whole number"), std::string::npos);
  EXPECT_NE(refusal({"top", "--json"}).find("no JSON form"), std::string::npos);
  EXPECT_NE(refusal({"tunnels", "--tcp=1"}).find("takes no value"), std::string::npos);
}

TEST(CtlLine, HelpNeedsNothingElse) {
  EXPECT_EQ(parsed({"--help"}).action, CtlLine::Action::kHelp);
  const CtlLine line = parsed({"log-level", "-h"});
  EXPECT_EQ(line.action, CtlLine::Action::kHelp);
  EXPECT_TRUE(line.named);
  EXPECT_EQ(line.command, CtlCommand::kLogLevel);
  EXPECT_EQ(parsed({"-V"}).action, CtlLine::Action::kVersion);
}

TEST(CommandTable, NamesAreUniqueInACommand) {
  for (const CommandInfo& command : ctlCommands()) {
    std::map<std::string_view, int> seen;
    for (const CtlOptionInfo& option : ctlOptions()) {
      if (!option.belongsTo(command.name)) continue;
      for (std::string_view name : option.nameList()) {
        EXPECT_EQ(seen[name]++, 0) << command.name << " " << name;
      }
    }
  }
}

const CommandInfo* findCommand(std::string_view name) {
  for (const CommandInfo& command : ctlCommands())
    if (command.name == name) return &command;
  return nullptr;
}

TEST(CommandTable, EveryOptionIsInEveryDocument) {
  const std::string page = manCulvertctl(), completion = bashCompletion();
  EXPECT_EQ(page.find("generated:"), std::string::npos) << "a marker is left";
  for (const CtlOptionInfo& option : ctlOptions()) {
    EXPECT_NE(completion.find(option.longName()), std::string::npos) << option.names;
    EXPECT_NE(page.find("\n" + roffText(option.brief) + "."), std::string::npos) << option.names;
    EXPECT_EQ(ctlHelp().find(option.shown()) != std::string::npos, option.isGlobal())
        << option.names;
    for (std::string_view name : splitWords(option.commands, ' ')) {
      const CommandInfo* command = findCommand(name);
      ASSERT_NE(command, nullptr) << option.names << " names " << name;
      EXPECT_NE(ctlCommandHelp(*command).find("  " + option.shown()), std::string::npos);
    }
  }
}

TEST(CommandTable, HelpFitsATerminal) {
  std::string all = ctlHelp();
  for (const CommandInfo& command : ctlCommands()) all += ctlCommandHelp(command);
  for (std::string_view line : splitWords(all, '\n')) EXPECT_LE(line.size(), 81U) << line;
}

}  // namespace
}  // namespace culvert
