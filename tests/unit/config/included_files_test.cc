// SPDX-License-Identifier: GPL-3.0-or-later
// The option include: which files are read, in which order, what applies to them, and what is said.
#include "config/included_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config/config_dump.h"
#include "load_helper.h"

namespace culvert {
namespace {

using namespace testing_config;
using Lines = std::vector<std::string>;

/// A service with an address of its own.
std::string service(const std::string& name, const std::string& more = "") {
  static int port = 10'000;
  return "[service " + name + "]\nlisten = " + std::to_string(++port) +
         "\nbackend = 2\ncert = c\n" + more;
}

Overrides overrides(std::vector<std::string> sets, std::vector<std::string> environment = {}) {
  Overrides all;
  all.sets = std::move(sets);
  all.environment = std::move(environment);
  return all;
}

class Include : public ::testing::Test {
 protected:
  Include() {
    char pattern[] = "/tmp/culvert-include-XXXXXX";
    dir_ = ::mkdtemp(pattern);
    std::filesystem::create_directory(dir_ + "/conf.d");
    main("[global]\ninclude = conf.d/*.ini\n");
  }
  ~Include() override { std::filesystem::remove_all(dir_); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ + "/" + name) << text;
  }
  void main(const std::string& text) { write("main.ini", text); }

  LoadOutcome loadMain(Overrides overrides = {}) {
    return ConfigSource(dir_ + "/main.ini", std::move(overrides)).load(testValidators());
  }

  /// The diagnostics, without the directory of the files.
  Lines said(const LoadOutcome& outcome) {
    Lines all = lines(outcome.diagnostics);
    for (std::string& line : all)
      for (size_t at; (at = line.find(dir_ + "/")) != std::string::npos;)
        line.erase(at, dir_.size() + 1);
    return all;
  }

  static Lines names(const LoadOutcome& outcome) {
    Lines all;
    for (const ServiceOptions& one : outcome.config.services) all.push_back(one.name);
    return all;
  }

  std::string dir_;
};

TEST_F(Include, ReadsTheMatchesInTheOrderOfTheirNamesAfterTheMainFile) {
  main(service("zero") + "[global]\ninclude = conf.d/*.ini\n");
  for (const char* name : {"b", "10", "9", "B", "a"})
    write("conf.d/" + std::string(name) + ".ini", service(name));
  for (const char* other : {"a.ini~", ".hidden.ini", ".a.ini.swp", "a.ini.bak", "x.conf"})
    write("conf.d/" + std::string(other), "not read");
  const LoadOutcome outcome = loadMain();
  EXPECT_EQ(said(outcome), Lines{});
  EXPECT_EQ(names(outcome), (Lines{"zero", "10", "9", "B", "a", "b"}));
  EXPECT_EQ(outcome.config.includedFiles, 5u);
  const ServiceOptions& last = outcome.config.services.back();
  EXPECT_EQ(last.sectionOrigin.text(), dir_ + "/conf.d/b.ini:1");
  EXPECT_EQ(last.listen[0].origin.text(), dir_ + "/conf.d/b.ini:2");
}

TEST_F(Include, TakesAPlainNameAndAnAbsolutePath) {
  write("other.ini", service("other"));
  main("[global]\ninclude = other.ini\n");
  EXPECT_EQ(names(loadMain()), Lines{"other"});
  main("[global]\ninclude = " + dir_ + "/other.ini\n");
  EXPECT_EQ(names(loadMain()), Lines{"other"});
  std::filesystem::create_directory(dir_ + "/absolute");
  std::filesystem::rename(dir_ + "/other.ini", dir_ + "/absolute/other.ini");
  main("[global]\ninclude = conf.d/../absol?te/*\n");
  EXPECT_EQ(names(loadMain()), Lines{"other"});
}

TEST_F(Include, OverridesCanNameThePattern) {
  write("conf.d/a.ini", service("a"));
  write("one.ini", service("one"));
  EXPECT_EQ(names(loadMain(overrides({"global.include=one.ini"}))), Lines{"one"});
  EXPECT_EQ(names(loadMain(overrides({}, {"CULVERT_GLOBAL_INCLUDE=one.ini"}))), Lines{"one"});
  EXPECT_EQ(names(loadMain(overrides({"global.include=one.ini"},
                                     {"CULVERT_GLOBAL_INCLUDE=" + dir_ + "/nothing.ini"}))),
            Lines{"one"});
  const LoadOutcome without = loadWithoutFile(
      overrides({"global.include=" + dir_ + "/one.ini", "service:one.fifo-size=1m"}));
  EXPECT_EQ(said(without), (Lines{}));
  EXPECT_EQ(names(without), Lines{"one"});
  EXPECT_EQ(without.config.services[0].fifoSize, 1048576u);
  // An override with an empty value includes nothing.
  main(service("zero") + "[global]\ninclude = conf.d/*.ini\n");
  EXPECT_EQ(names(loadMain(overrides({"global.include="}))), Lines{"zero"});
}

TEST_F(Include, DefaultsOfAFileApplyToThatFileAndThoseOfTheMainFileAreWeaker) {
  main("[defaults]\nidle-timeout = 1m\nstall-timeout = 1m\nalpn = h2\n" + service("first") +
       "[global]\ninclude = conf.d/*.ini\n[defaults]\nstall-timeout = 2m\n");
  write("conf.d/a.ini", service("before") + "[defaults]\nidle-timeout = 3m\nalpn = http/1.1\n" +
                            service("a") + service("own", "idle-timeout = 4m\n"));
  write("conf.d/b.ini", service("b"));
  const LoadOutcome outcome = loadMain();
  EXPECT_EQ(said(outcome), Lines{});
  const auto check = [&](const char* name, int idle, int stall, const char* alpn) {
    const ServiceOptions& one = *outcome.config.findService(name);
    EXPECT_EQ(one.idleTimeout, Millis(idle * 60'000)) << name;
    EXPECT_EQ(one.stallTimeout, Millis(stall * 60'000)) << name;
    EXPECT_EQ(texts(one.alpn), Lines{alpn}) << name;
  };
  check("first", 1, 1, "h2");
  check("before", 1, 2, "h2");
  check("a", 3, 2, "http/1.1");
  check("own", 4, 2, "http/1.1");
  check("b", 1, 2, "h2");
  EXPECT_EQ(outcome.config.findService("a")->originOf("idle-timeout").text(),
            dir_ + "/conf.d/a.ini:6");
  EXPECT_TRUE(outcome.config.findService("a")->isInherited("idle-timeout"));
}

TEST_F(Include, OverridesAreStrongerThanEveryFile) {
  main("[global]\ninclude = conf.d/*.ini\n");
  write("conf.d/a.ini", "[defaults]\nidle-timeout = 3m\n" + service("a"));
  const LoadOutcome outcome =
      loadMain(overrides({"defaults.idle-timeout=5m", "service:a.backend=9"}));
  EXPECT_EQ(said(outcome), Lines{});
  EXPECT_EQ(outcome.config.services.at(0).idleTimeout, Millis(300'000));
  EXPECT_EQ(texts(outcome.config.services[0].backend), Lines{"9"});
}

TEST_F(Include, DefaultsWithoutALaterServiceAreNamedWithTheirFile) {
  main("[global]\ninclude = conf.d/*.ini\n[defaults]\nidle-timeout = 1m\n");
  write("conf.d/a.ini", service("a") + "[defaults]\nidle-timeout = 3m\n");
  write("conf.d/b.ini", "[defaults]\nidle-timeout = 3m\n");
  const std::string words =
      ": warning: [defaults]: has no effect: it applies to later services, but no service follows";
  EXPECT_EQ(said(loadMain()), (Lines{"conf.d/a.ini:5" + words, "conf.d/b.ini:1" + words}));
  write("conf.d/a.ini", "");
  EXPECT_EQ(said(loadMain()),
            (Lines{"main.ini:1: error: no service is configured; add a [service NAME] section "
                   "with listen, backend and cert",
                   "main.ini:3" + words, "conf.d/b.ini:1" + words}));
}

TEST_F(Include, EveryErrorHasItsOwnFileAndLine) {
  main("[global]\ninclude = conf.d/*.ini\nlog-levl = info\n");
  write("conf.d/b.ini", service("b", "fifo-size = x\n") + "no key\n");
  write("conf.d/a.ini", "key = 1\n" + service("a", "listn = 2\n"));
  EXPECT_EQ(said(loadMain()),
            (Lines{"main.ini:3: error: [global] log-levl: unknown key (did you mean \"log-level\")",
                   "conf.d/a.ini:1: error: key: is before the first section; allowed sections: "
                   "[defaults], [service NAME]",
                   "conf.d/a.ini:6: error: [service a] listn: unknown key (did you mean "
                   "\"listen\")",
                   "conf.d/b.ini:5: error: [service b] fifo-size: \"x\" is not a size; allowed: "
                   "a number of bytes, or with k, m or g of 1024, as in 64k",
                   "conf.d/b.ini:6: error: [service b]: \"no key\" is not `key = value`"}));
}

TEST_F(Include, AnIncludedFileHasNoGlobalSectionAndIncludesNothing) {
  write("conf.d/a.ini",
        service("a", "include = x\n") + "[global]\ninclude = conf.d/*.ini\nworkers = none\n");
  write("conf.d/b.ini", "[globl]\n[defaultt]\n[serv b]\n");
  const std::string allowed = "allowed: [defaults], [service NAME]";
  EXPECT_EQ(
      said(loadMain()),
      (Lines{"conf.d/a.ini:5: error: [service a] include: an included file cannot include "
             "others",
             "conf.d/a.ini:6: error: [global]: is not allowed in an included file; " + allowed,
             "conf.d/a.ini:7: error: include: an included file cannot include others",
             "conf.d/b.ini:1: error: [globl]: unknown section; " + allowed +
                 " (did you mean \"[service globl]\")",
             "conf.d/b.ini:2: error: [defaultt]: unknown section; " + allowed +
                 " (did you mean \"[defaults]\")",
             "conf.d/b.ini:3: error: [serv b]: unknown section; " + allowed +
                 " (did you mean \"[service b]\")"}));
}

TEST_F(Include, AServiceNameIsUniqueOverAllFiles) {
  main(service("x") + "[global]\ninclude = conf.d/*.ini\n");
  write("conf.d/a.ini", service("y") + service("x"));
  write("conf.d/b.ini", service("y"));
  const std::string words = "a service of this name exists already, at ";
  EXPECT_EQ(said(loadMain()),
            (Lines{"conf.d/a.ini:5: error: [service x]: " + words + "main.ini:1",
                   "conf.d/b.ini:1: error: [service y]: " + words + "conf.d/a.ini:1"}));
}

TEST_F(Include, APatternWithoutAMatchIsAWarning) {
  main(service("x") + "[global]\ninclude = conf.d/*.ini\n");
  LoadOutcome outcome = loadMain();
  EXPECT_TRUE(outcome.ok());
  EXPECT_EQ(said(outcome),
            Lines{"main.ini:6: warning: [global] include: no file matches conf.d/*.ini"});
  std::filesystem::remove(dir_ + "/conf.d");
  outcome = loadMain();
  EXPECT_TRUE(outcome.ok());
  EXPECT_EQ(said(outcome),
            Lines{"main.ini:6: warning: [global] include: no file matches conf.d/*.ini"});
  main(service("x") + "[global]\ninclude = \"conf.d/*.ini\"\n");
  EXPECT_NE(said(loadMain()).at(0).find("quotes"), std::string::npos);
}

TEST_F(Include, APlainNameWithoutAFileIsAnError) {
  main("[global]\ninclude = nowhere.ini\n");
  EXPECT_EQ(said(loadMain()), Lines{"main.ini:2: error: [global] include: nowhere.ini: cannot open "
                                    "the file: No such file or directory"});
  main("[global]\ninclude = conf.d\n");
  EXPECT_EQ(said(loadMain()),
            Lines{"main.ini:2: error: [global] include: conf.d: is a directory, not a file; a "
                  "pattern such as conf.d/*.ini names files"});
  main("[global]\ninclude = main.ini\n");
  EXPECT_EQ(said(loadMain()),
            Lines{"main.ini:2: error: [global] include: main.ini is the main file itself"});
}

TEST_F(Include, AMatchThatCannotBeReadIsAnError) {
  write("conf.d/a.ini", "[service a]\n");
  std::filesystem::create_directory(dir_ + "/conf.d/b.ini");
  std::filesystem::create_symlink("nowhere", dir_ + "/conf.d/c.ini");
  ASSERT_EQ(::mkfifo((dir_ + "/conf.d/d.ini").c_str(), 0600), 0);
  write("conf.d/e.ini", "\xff\xfe");
  write("conf.d/f.ini", "[service f]\nfifo-size = x\n");
  const Lines all = said(loadMain());
  Lines files;
  for (const std::string& line : all)
    if (line.find("is missing") == std::string::npos) files.push_back(line);
  EXPECT_EQ(files,
            (Lines{"conf.d/b.ini: error: is a directory, not a file; a pattern such as "
                   "conf.d/*.ini names files",
                   "conf.d/c.ini: error: cannot open the file: No such file or directory",
                   "conf.d/d.ini: error: is not a regular file",
                   "conf.d/e.ini:1: error: the file is UTF-16; it must be plain text (UTF-8)",
                   "conf.d/f.ini:2: error: [service f] fifo-size: \"x\" is not a size; allowed: "
                   "a number of bytes, or with k, m or g of 1024, as in 64k"}));
}

TEST_F(Include, AFileThatIsNotReadHidesNoServices) {
  // Without b.ini, culvert cannot say that there is no service.
  std::filesystem::create_directory(dir_ + "/conf.d/b.ini");
  EXPECT_EQ(said(loadMain()).size(), 1u);
}

TEST_F(Include, ADirectoryThatCannotBeReadIsAnError) {
  std::filesystem::create_symlink("loop", dir_ + "/loop");
  main("[global]\ninclude = loop/*.ini\n");
  EXPECT_EQ(said(loadMain()), Lines{"main.ini:2: error: [global] include: cannot read the "
                                    "directory loop: Too many levels of symbolic links"});
}

TEST_F(Include, TheDirectoryOfTheMainFileMayHaveAnyName) {
  const std::string odd = dir_ + "/[a]*?\\";
  std::filesystem::create_directories(odd + "/conf.d");
  std::filesystem::rename(dir_ + "/main.ini", odd + "/main.ini");
  std::ofstream(odd + "/conf.d/a.ini") << service("a");
  const LoadOutcome outcome = ConfigSource(odd + "/main.ini", {}).load(testValidators());
  EXPECT_EQ(said(outcome), Lines{});
  EXPECT_EQ(names(outcome), Lines{"a"});
}

TEST_F(Include, TheMainFileIsNotAMatch) {
  main(service("x") + "[global]\ninclude = *.ini\n");
  write("y.ini", service("y"));
  const LoadOutcome outcome = loadMain();
  EXPECT_EQ(said(outcome), Lines{});
  EXPECT_EQ(names(outcome), (Lines{"x", "y"}));
}

TEST_F(Include, AWrongValueIncludesNothing) {
  write("conf.d/a.ini", "nonsense\n");
  main(service("x") + "[global]\ninclude = x\ninclude = conf.d/*.ini\n");
  write("x", service("from-x"));
  EXPECT_EQ(said(loadMain()),
            Lines{"main.ini:7: error: [global] include: is given twice, first at main.ini:6"});
  main(service("x"));
  const LoadOutcome outcome = loadMain(overrides({"global.include=conf.d/*.ini\x01"}));
  EXPECT_EQ(said(outcome), Lines{"--set#1: error: [global] include: control character 0x01 in the "
                                 "value"});
}

TEST_F(Include, AtMostSoManyFilesAreRead) {
  // 100 names of a directory with 101 files.
  for (int i = 0; i <= 100; ++i) write("conf.d/" + std::to_string(i) + ".ini", "");
  for (int i = 0; i < 100; ++i)
    std::filesystem::create_symlink("conf.d", dir_ + "/link" + std::to_string(i));
  main("[global]\ninclude = link*/*.ini\n");
  EXPECT_EQ(said(loadMain()), Lines{"main.ini:2: error: [global] include: link*/*.ini matches "
                                    "10100 files, at most 10000 are allowed"});
}

TEST_F(Include, TheDumpHasTheServicesAndNoInclude) {
  main("[global]\ninclude = conf.d/*.ini\n[defaults]\nidle-timeout = 7m\n");
  write("conf.d/a.ini", service("a"));
  const LoadOutcome outcome = loadMain();
  const std::string dump = dumpConfig(outcome.config);
  EXPECT_NE(dump.find("# the files of include = conf.d/*.ini are in this dump ; " + dir_ +
                      "/main.ini:2\n"),
            std::string::npos)
      << dump;
  EXPECT_NE(dump.find(" ; " + dir_ + "/conf.d/a.ini:2\n"), std::string::npos) << dump;
  const LoadOutcome again = load(dump);
  EXPECT_EQ(lines(again.diagnostics), Lines{});
  ASSERT_EQ(again.config.services.size(), 1u);
  EXPECT_TRUE(sameOptions(again.config.services[0], outcome.config.services[0]));
  EXPECT_EQ(again.config.global.include, "");
}

TEST_F(Include, ATextInPlaceOfTheFileIncludesNothing) {
  const LoadOutcome outcome = load("[global]\ninclude = /nowhere/x.ini\n" + kSound);
  EXPECT_EQ(lines(outcome.diagnostics), Lines{});
}

}  // namespace
}  // namespace culvert
