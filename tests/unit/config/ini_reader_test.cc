// SPDX-License-Identifier: GPL-3.0-or-later
// The reader in front of inih: line numbers, long lines and names, comments, and each thing it
// refuses with its line.
#include "config/ini_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

#include "load_helper.h"
#include "temp_dir.h"

namespace culvert {
namespace {

using testing_config::lines;

RawDocument parse(std::string_view text, std::vector<std::string>* errors = nullptr) {
  Diagnostics diagnostics;
  RawDocument document = parseIni(text, "f.ini", diagnostics);
  if (errors != nullptr)
    *errors = lines(diagnostics);
  else
    EXPECT_EQ(lines(diagnostics), std::vector<std::string>{});
  return document;
}

std::vector<std::string> errorsOf(std::string_view text) {
  std::vector<std::string> errors;
  parse(text, &errors);
  return errors;
}

TEST(IniReader, SectionsAndEntriesKeepTheirLines) {
  const RawDocument document =
      parse("; head\n[global]\n\nworkers = 2\n[service web]\n# c\nlisten = 1\n[defaults]\n");
  ASSERT_EQ(document.sections.size(), 3u);
  EXPECT_EQ(document.sections[0].label(), "global");
  EXPECT_EQ(document.sections[0].origin.text(), "f.ini:2");
  ASSERT_EQ(document.sections[0].entries.size(), 1u);
  EXPECT_EQ(document.sections[0].entries[0].key, "workers");
  EXPECT_EQ(document.sections[0].entries[0].value, "2");
  EXPECT_EQ(document.sections[0].entries[0].origin.text(), "f.ini:4");
  EXPECT_EQ(document.sections[1].label(), "service web");
  EXPECT_EQ(document.sections[1].entries[0].origin.text(), "f.ini:7");
  EXPECT_EQ(document.sections[2].label(), "defaults");
  EXPECT_TRUE(document.sections[2].entries.empty());
}

TEST(IniReader, ValuesAreTrimmedAndCommentsEnd) {
  const std::pair<const char*, const char*> rows[] = {
      {"k = v", "v"},     {"k=v", "v"},       {"k\t=\tv\t", "v"}, {"k = a b", "a b"},
      {"k = v ; c", "v"}, {"k = v\t;c", "v"}, {"k = v;w", "v;w"}, {"k = v;w ; c", "v;w"},
      {"k = ; c", ""},    {"k =", ""},        {"k =;c", ""},      {"k = v # w", "v # w"},
      {"k = #7", "#7"},   {"k = a=b", "a=b"}, {"k = [x]", "[x]"}, {"k = \xC3\xA4", "\xC3\xA4"},
      {"k = v\r", "v"},   {"k = a:b", "a:b"},
  };
  for (const auto& [line, value] : rows) {
    std::vector<std::string> told;
    const RawDocument document = parse(std::string("[global]\n") + line + "\n", &told);
    ASSERT_EQ(document.sections[0].entries.size(), 1u) << line;
    EXPECT_EQ(document.sections[0].entries[0].value, value) << line;
    const bool looksLikeAComment = std::string_view(value).find(" #") != std::string_view::npos;
    EXPECT_EQ(told.size(), looksLikeAComment ? 1u : 0u) << line;
  }
}

TEST(IniReader, CrLfBomAndAMissingLastNewlineAreFine) {
  const RawDocument document =
      parse("\xEF\xBB\xBF[global]\r\nworkers = 1\r\n\r\n[service a] ; c\r\nlisten = 1");
  ASSERT_EQ(document.sections.size(), 2u);
  EXPECT_EQ(document.sections[0].entries[0].value, "1");
  EXPECT_EQ(document.sections[1].name, "a");
  EXPECT_EQ(document.sections[1].entries[0].origin.line, 5u);
}

TEST(IniReader, LongLinesAndNamesAreWhole) {
  const std::string value(kLongestLine - 10, 'v');
  const std::string name(kLongestName, 'n');
  const RawDocument document = parse("[service " + name + "]\nciphers = " + value + "\n");
  EXPECT_EQ(document.sections[0].name, name);
  EXPECT_EQ(document.sections[0].entries[0].value, value);
}

TEST(IniReader, ALineOverTheLimitIsRefusedAndTheRestRead) {
  const std::string text = "[global]\nlog = " + std::string(kLongestLine, 'v') + "\nworkers = 1\n";
  std::vector<std::string> errors;
  const RawDocument document = parse(text, &errors);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0], "f.ini:2: error: the line has 16390 bytes, at most 16384 are allowed");
  ASSERT_EQ(document.sections[0].entries.size(), 1u);
  EXPECT_EQ(document.sections[0].entries[0].origin.line, 3u);
}

TEST(IniReader, IndentedKeysAreNoContinuation) {
  std::vector<std::string> errors;
  const RawDocument document =
      parse("[global]\nuser = a\n  group = b\n\tlog = c\n  ; comment\n", &errors);
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[0],
            "f.ini:3: error: the line is indented; sections and keys start in the first column, "
            "and a value cannot continue in a second line");
  EXPECT_EQ(errors[1].substr(0, 9), "f.ini:4: ");
  ASSERT_EQ(document.sections[0].entries.size(), 1u);
  EXPECT_EQ(document.sections[0].entries[0].value, "a");
}

TEST(IniReader, WhatIsNoLineOfAnIniFile) {
  const std::pair<std::string, const char*> rows[] = {
      {"[global]\nworkers\n", "f.ini:2: error: [global]: \"workers\" is not `key = value`"},
      {"[global]\nworkers: 2\n",
       "f.ini:2: error: [global]: \"workers: 2\" is not `key = value`; use '=' after a key, "
       "not ':'"},
      {"[global]\nlog:x = 2\n",
       "f.ini:2: error: [global]: \"log:x = 2\" is not `key = value`; use '=' after a key, not "
       "':'"},
      {"[global]\n= 2\n", "f.ini:2: error: [global]: \"= 2\" is not `key = value`"},
      {"[global]\na b = 2\n", "f.ini:2: error: [global]: \"a b = 2\" is not `key = value`"},
      {"workers = 2\n",
       "f.ini:1: error: workers: is before the first section; allowed sections: [global], "
       "[defaults], [service "
       "NAME]"},
      {"[global\n", "f.ini:1: error: ']' is missing at the end of the section's name"},
      {"[global] x\n", "f.ini:1: error: \"x\" is not allowed after the section's ']'"},
      {"[global x]\n",
       "f.ini:1: error: [global x]: [global] must not have a name; allowed: [global], [defaults], "
       "[service NAME]"},
      {"[service]\n",
       "f.ini:1: error: [service]: the service has no name; allowed: [service NAME]"},
      {"[servce web]\nlisten = 1\n",
       "f.ini:1: error: [servce web]: unknown section; allowed: [global], [defaults], [service "
       "NAME] (did you mean "
       "\"[service web]\")"},
      {"[Global]\n",
       "f.ini:1: error: [Global]: unknown section; allowed: [global], [defaults], [service NAME] "
       "(did you mean "
       "\"[global]\")"},
      {"[redis]\nlisten = 1\n",
       "f.ini:1: error: [redis]: unknown section; allowed: [global], [defaults], [service NAME] "
       "(did you mean "
       "\"[service redis]\")"},
      {std::string("[global]\nlog = a\0b\n", 17),
       "f.ini:2: error: the file is binary: a zero byte; it must be plain text (UTF-8)"},
      {"[global]\nlog = a\x1b[1m\n", "f.ini:2: error: control character 0x1b in the line"},
      {"\xFF\xFEg\n", "f.ini:1: error: the file is UTF-16; it must be plain text (UTF-8)"},
  };
  for (const auto& [text, error] : rows)
    EXPECT_EQ(errorsOf(text), std::vector<std::string>{error}) << text;
}

TEST(IniReader, NamesOfServices) {
  for (const char* name : {"a", "A9", "web.1", "x_y-z", "0"})
    EXPECT_TRUE(isServiceName(name)) << name;
  for (const std::string& name :
       {std::string(), std::string("-a"), std::string(".a"), std::string("a b"), std::string("a]"),
        std::string(kLongestName + 1, 'a'), std::string("\xC3\xA4")})
    EXPECT_FALSE(isServiceName(name)) << name;
  const std::string tooLong = "[service " + std::string(64, 'a') + "]\n";
  ASSERT_EQ(errorsOf(tooLong).size(), 1u);
  EXPECT_NE(errorsOf(tooLong)[0].find("has 1 to 63 letters, digits"), std::string::npos);
}

TEST(IniReader, KeysOfAnUnknownSectionAreOneError) {
  EXPECT_EQ(errorsOf("[what is this]\na = 1\nb\nc = 2\n").size(), 1u);
}

TEST(IniReader, GivesUpAfterAThousandErrors) {
  std::string text = "[global]\n";
  for (int i = 0; i < 5000; ++i) text += "x\n";
  EXPECT_EQ(errorsOf(text).size(), Diagnostics::kMostErrors);
}

TEST(IniReader, FilesAreReadWhole) {
  TempDir dir;
  const std::string file = dir.write("f.ini", std::string(200'000, 'x'));
  EXPECT_EQ(readConfigFile(file).value().size(), 200'000u);
  dir.write("f.ini", std::string(kLargestFile + 1, 'x'));
  EXPECT_EQ(readConfigFile(file).error().text, "the file has more than 16 MiB");
  unlink(file.c_str());
  EXPECT_EQ(readConfigFile(file).error().text, "cannot open the file: No such file or directory");
  EXPECT_EQ(readConfigFile(dir.path()).error().text, "cannot read the file: Is a directory");
}

TEST(IniReader, ValuesThatNoFileCouldHold) {
  EXPECT_EQ(valueFault("a;b # c"), "");
  EXPECT_NE(valueFault("a\nb"), "");
  EXPECT_NE(valueFault("a ;b"), "");
  EXPECT_NE(valueFault(";b"), "");
  EXPECT_NE(valueFault(std::string(kLongestLine + 1, 'a')), "");
}

}  // namespace
}  // namespace culvert
