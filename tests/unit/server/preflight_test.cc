// SPDX-License-Identifier: GPL-3.0-or-later
// What --check says of things that are no mistake and would fail all the same: each with the place
// of its option, in order, and without a trace left behind.
#include "server/preflight.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "net/socket_ops.h"
#include "temp_dir.h"

namespace culvert {
namespace {

namespace fs = std::filesystem;

class PreflightTest : public testing::Test {
 protected:
  PreflightTest() {
    config_.services.emplace_back();
    config_.services[0].name = "web";
  }
  ServiceOptions& web() { return config_.services[0]; }
  void listen(const std::string& address, uint32_t line) {
    web().listen.push_back({address, Origin::file("f.ini", line)});
  }
  void backend(const std::string& address, uint32_t line) {
    web().backend.push_back({address, Origin::file("f.ini", line)});
  }
  void logTo(const std::string& path) {
    config_.global.log = {LogTarget::kFile, path};
    config_.global.origins["log"] = Origin::file("f.ini", 2);
  }
  std::vector<std::string> lines(Severity severity = Severity::kNote) const {
    std::vector<std::string> all;
    const Diagnostics said = preflight(config_, severity);
    for (const Diagnostic& one : said.list()) all.push_back(one.text());
    return all;
  }

  TempDir dir_;
  Config config_;
};

TEST_F(PreflightTest, NothingIsSaidOfWhatWillWork) {
  listen("127.0.0.1:0", 5);
  listen("unix:" + dir_ / "socket", 6);
  backend("localhost:1", 7);
  backend("127.0.0.1:1", 8);
  logTo(dir_ / "log");
  config_.global.pidFile = dir_ / "pid";
  web().keylogFile = dir_ / "keys";
  EXPECT_EQ(lines(), std::vector<std::string>{});
  EXPECT_TRUE(fs::is_empty(dir_.path())) << "a check leaves nothing behind";
}

TEST_F(PreflightTest, AnAddressInUse) {
  const auto taken = openListener(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
  ASSERT_TRUE(taken);
  const std::string address = boundAddress(taken->get()).text();
  listen(address, 5);
  const std::pair<Severity, std::string> severities[] = {{Severity::kNote, "note"},
                                                         {Severity::kWarning, "warning"}};
  for (const auto& [severity, word] : severities) {
    const auto said = lines(severity);
    ASSERT_EQ(said.size(), 1u);
    EXPECT_TRUE(said[0].starts_with("f.ini:5: " + word + ": [service web] listen: ")) << said[0];
    EXPECT_NE(said[0].find(address), std::string::npos) << said[0];
  }
}

TEST_F(PreflightTest, TwoAddressesOfTheFileThatExcludeEachOtherAreAnError) {
  auto free = openListener(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
  ASSERT_TRUE(free);
  const std::string port = std::to_string(boundAddress(free->get()).port());
  free->reset();
  listen("0.0.0.0:" + port, 5);
  listen("127.0.0.1:" + port, 6);
  const auto said = lines();
  ASSERT_EQ(said.size(), 1u);
  EXPECT_TRUE(said[0].starts_with("f.ini:6: error: [service web] listen: ")) << said[0];
  EXPECT_TRUE(said[0].ends_with("another address of this file includes it")) << said[0];
}

TEST_F(PreflightTest, NamesThatDoNotResolve) {
  backend("no-such-host.invalid:1", 7);
  backend("localhost:1", 8);
  listen("no-such-host.invalid:1", 5);
  const auto said = lines();
  ASSERT_EQ(said.size(), 2u);
  EXPECT_TRUE(said[0].starts_with("f.ini:5: note: [service web] listen: cannot resolve"))
      << said[0];
  EXPECT_TRUE(said[1].starts_with("f.ini:7: note: [service web] backend: cannot resolve"))
      << said[1];
}

TEST_F(PreflightTest, FilesThatCannotBeWritten) {
  logTo(dir_ / "no/log");
  config_.global.pidFile = dir_ / "no/pid";
  config_.global.origins["pid-file"] = Origin::file("f.ini", 3);
  web().keylogFile = dir_.path();
  web().origins["keylog-file"] = Origin::file("f.ini", 9);
  const auto said = lines();
  ASSERT_EQ(said.size(), 3u);
  EXPECT_EQ(said[0], "f.ini:2: note: [global] log: cannot write " + dir_ / "no/log" +
                         ": No such file or directory");
  EXPECT_EQ(said[1], "f.ini:3: note: [global] pid-file: cannot write " + dir_ / "no/pid" +
                         ": No such file or directory");
  EXPECT_EQ(said[2], "f.ini:9: note: [service web] keylog-file: cannot write " + dir_.path() +
                         ": Is a directory");
}

TEST_F(PreflightTest, QuotesOfAPathAreItsOwn) {
  config_.global.pidFile = "\"" + dir_ / "no/pid" + "\"";
  const auto said = lines();
  ASSERT_EQ(said.size(), 1u);
  EXPECT_NE(said[0].find("quotes"), std::string::npos) << said[0];
}

TEST_F(PreflightTest, ALogFileToWhichOthersCouldLead) {
  fs::create_directory(dir_ / "open");
  fs::permissions(dir_ / "open", fs::perms::all);
  dir_.write("target", "");
  fs::create_hard_link(dir_ / "target", dir_ / "open/log");
  logTo(dir_ / "open/log");
  const auto said = lines();
  ASSERT_EQ(said.size(), 1u) << "once, and not as a file that cannot be written too";
  EXPECT_TRUE(said[0].starts_with("f.ini:2: note: [global] log: cannot write " + dir_ / "open/log"))
      << said[0];
  EXPECT_EQ(dir_.read("target"), "");
}

TEST_F(PreflightTest, NotesStandInTheOrderOfTheFile) {
  backend("no-such-host.invalid:1", 4);
  config_.global.pidFile = dir_ / "no/pid";
  config_.global.origins["pid-file"] = Origin::file("f.ini", 8);
  const auto taken = openListener(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
  ASSERT_TRUE(taken);
  listen(boundAddress(taken->get()).text(), 6);
  const auto said = lines();
  ASSERT_EQ(said.size(), 3u);
  EXPECT_TRUE(said[0].starts_with("f.ini:4: ")) << said[0];
  EXPECT_TRUE(said[1].starts_with("f.ini:6: ")) << said[1];
  EXPECT_TRUE(said[2].starts_with("f.ini:8: ")) << said[2];
}

}  // namespace
}  // namespace culvert
