// SPDX-License-Identifier: GPL-3.0-or-later
// The privilege drop, in child processes: what is gone, what the control thread can still raise,
// what workers have.
#include "process/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "base/unique_fd.h"
#include "temp_dir.h"

namespace culvert {
namespace {

/// Words of a failed step, from the child to the test.
struct Step {
  std::string failed;
  void expect(bool good, const std::string& what) {
    if (!good && failed.empty()) failed = what;
  }
};

/// Runs `body(step)` in a child; the first failed expectation, or empty.
template <class Body>
std::string inChild(Body body) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
  pid_t child = ::fork();
  if (child == 0) {
    Step step;
    body(step);
    [[maybe_unused]] ssize_t size = ::write(ends[1], step.failed.data(), step.failed.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string text;
  char buffer[512];
  for (ssize_t size; (size = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, size_t(size));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0 ? text : "the child died: " + text;
}

std::string statusField(const std::string& task, const std::string& field) {
  std::ifstream file("/proc/self/task/" + task + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(field + ":", 0) == 0)
      return line.substr(line.find_first_not_of(" \t", field.size() + 1));
  }
  return "";
}

std::string ownField(const std::string& field) {
  return statusField(std::to_string(::gettid()), field);
}

constexpr char kNoCaps[] = "0000000000000000";
constexpr char kKeptCaps[] =
    "0000000000000404";  // CAP_DAC_READ_SEARCH (2), CAP_NET_BIND_SERVICE (10)

bool canBindLowPort() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int port = 1023; port > 900; --port) {
    address.sin_port = htons(uint16_t(port));
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return true;
    if (errno == EACCES) return false;
  }
  return false;
}

bool lowPortsAreOpen() {
  int first = 1024;
  std::ifstream("/proc/sys/net/ipv4/ip_unprivileged_port_start") >> first;
  return first < 1024;
}

Identity nobody() {
  auto who = resolveIdentity("nobody", "");
  EXPECT_TRUE(who) << (who ? "" : who.error().text);
  return who ? *who : Identity{};
}

class AsRoot : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    cap_t caps = cap_get_proc();
    cap_flag_value_t setuid = CAP_CLEAR;
    cap_flag_value_t bind = CAP_CLEAR;
    cap_get_flag(caps, CAP_SETUID, CAP_EFFECTIVE, &setuid);
    cap_get_flag(caps, CAP_NET_BIND_SERVICE, CAP_PERMITTED, &bind);
    cap_free(caps);
    if (setuid != CAP_SET || bind != CAP_SET)
      GTEST_SKIP() << "needs CAP_SETUID and CAP_NET_BIND_SERVICE";
  }
};

TEST(ResolveIdentity, FindsNamesAndNumbers) {
  const passwd* entry = getpwnam("nobody");
  if (entry == nullptr) GTEST_SKIP() << "no user nobody";
  uid_t uid = entry->pw_uid;
  gid_t gid = entry->pw_gid;
  auto byName = resolveIdentity("nobody", "");
  ASSERT_TRUE(byName) << byName.error().text;
  EXPECT_EQ(byName->uid, uid);
  EXPECT_EQ(byName->gid, gid);
  EXPECT_FALSE(byName->groupGiven);
  auto byNumber = resolveIdentity(std::to_string(uid), "");
  ASSERT_TRUE(byNumber);
  EXPECT_EQ(*byNumber, *byName);
  auto withGroup = resolveIdentity("nobody", "daemon");
  ASSERT_TRUE(withGroup);
  EXPECT_EQ(withGroup->gid, getgrnam("daemon")->gr_gid);
  EXPECT_TRUE(withGroup->groupGiven);
  EXPECT_EQ(resolveIdentity("nobody", "12345")->gid, 12345u);
}

TEST(ResolveIdentity, TakesAnUnknownNumberWithItsGroup) {
  auto who = resolveIdentity("3999999", "3999998");
  ASSERT_TRUE(who) << who.error().text;
  EXPECT_EQ(who->uid, 3999999u);
  EXPECT_EQ(who->gid, 3999998u);
  EXPECT_EQ(who->groups, std::vector<gid_t>{3999998});
  EXPECT_EQ(who->userName, "3999999");
  EXPECT_EQ(resolveIdentity("3999999", "").error().text,
            "the system does not know user 3999999: group must be set as well");
}

TEST(ResolveIdentity, SaysWhoIsMissing) {
  EXPECT_EQ(resolveIdentity("no-such-user", "").error().text, "there is no user \"no-such-user\"");
  EXPECT_EQ(resolveIdentity("nobody", "no-such-group").error().text,
            "there is no group \"no-such-group\"");
  EXPECT_FALSE(resolveIdentity("4294967295", "1")) << "-1 means \"unchanged\" to the kernel";
  EXPECT_FALSE(resolveIdentity("99999999999", "1"));
  EXPECT_FALSE(resolveIdentity("-5", "1"));
}

TEST_F(AsRoot, BecomesTheUserForGood) {
  Identity who = nobody();
  EXPECT_EQ(
      inChild([&](Step& step) {
        auto report = dropPrivileges(&who);
        step.expect(report.has_value(), report ? "" : report.error().text);
        if (!report) return;
        step.expect(!report->runsAsRoot, "runsAsRoot");
        step.expect(
            report->text.find("cap_net_bind_service and cap_dac_read_search kept for reloads") !=
                std::string::npos,
            report->text);
        step.expect(::geteuid() == who.uid && ::getuid() == who.uid, "uid");
        step.expect(::setuid(0) != 0 && ::seteuid(0) != 0 && ::setgid(0) != 0, "root came back");
        std::string groups = ownField("Groups");
        step.expect(groups.find(std::to_string(who.gid)) == 0, "groups " + groups);
        step.expect(ownField("CapPrm") == kKeptCaps, "CapPrm " + ownField("CapPrm"));
        for (const char* field : {"CapEff", "CapInh", "CapAmb", "CapBnd"}) {
          step.expect(ownField(field) == kNoCaps, field + (" " + ownField(field)));
        }
        step.expect(ownField("NoNewPrivs") == "1", "NoNewPrivs");
        step.expect(prctl(PR_GET_DUMPABLE) == 0, "dumpable");
        step.expect(prctl(PR_GET_KEEPCAPS) == 0, "keepcaps");
      }),
      "");
}

TEST_F(AsRoot, ControlPrivilegesAreEffectiveOnlyInsideTheirScope) {
  if (lowPortsAreOpen()) GTEST_SKIP() << "ports below 1024 are open to everybody here";
  Identity who = nobody();
  TempDir dir;
  const std::string path = dir.write("key.pem", "secret");
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  auto readable = [&path] { return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)).valid(); };
  EXPECT_EQ(inChild([&](Step& step) {
              if (!dropPrivileges(&who)) return step.expect(false, "drop");
              step.expect(!readable() && !canBindLowPort(), "rights outside the scope");
              {
                ControlPrivileges outer;
                {
                  ControlPrivileges inner;
                  step.expect(readable() && canBindLowPort(), "no rights in the inner scope");
                }
                step.expect(readable() && canBindLowPort(), "no rights in the outer scope");
                step.expect(ownField("CapEff") == kKeptCaps, "CapEff inside " + ownField("CapEff"));
                step.expect(UniqueFd(::open(path.c_str(), O_WRONLY | O_CLOEXEC)).get() < 0,
                            "writable");
                step.expect(::setuid(0) != 0, "root came back inside the scope");
              }
              step.expect(ownField("CapEff") == kNoCaps, "CapEff outside");
              step.expect(!readable() && !canBindLowPort(), "rights after the scope");
            }),
            "");
}

TEST_F(AsRoot, AThreadThatDropsHasNothingAndCannotRaiseIt) {
  Identity who = nobody();
  EXPECT_EQ(inChild([&](Step& step) {
              if (!dropPrivileges(&who)) return step.expect(false, "drop");
              std::thread worker([&step] {
                step.expect(ownField("CapPrm") == kKeptCaps,
                            "a new thread inherits the permitted set");
                dropThreadCapabilities();
                ControlPrivileges nothing;
                for (const char* field : {"CapPrm", "CapEff", "CapInh", "CapAmb"}) {
                  step.expect(ownField(field) == kNoCaps, field + (" " + ownField(field)));
                }
              });
              worker.join();
              step.expect(ownField("CapPrm") == kKeptCaps, "the control thread lost its own");
            }),
            "");
}

TEST_F(AsRoot, AThreadOfAProcessThatStaysRootDropsAsWell) {
  EXPECT_EQ(inChild([&](Step& step) {
              auto report = dropPrivileges(nullptr);
              step.expect(report && report->runsAsRoot, "runsAsRoot");
              step.expect(ownField("NoNewPrivs") == "1", "NoNewPrivs");
              std::string before = ownField("CapEff");
              std::thread worker([&step] {
                dropThreadCapabilities();
                step.expect(ownField("CapPrm") == kNoCaps && ownField("CapEff") == kNoCaps,
                            "a worker kept some");
              });
              worker.join();
              step.expect(ownField("CapEff") == before, "the control thread lost its own");
            }),
            "");
}

TEST_F(AsRoot, RootAsUserIsAChoiceAndNoWarning) {
  auto root = resolveIdentity("root", "");
  ASSERT_TRUE(root);
  EXPECT_EQ(inChild([&](Step& step) {
              auto report = dropPrivileges(&*root);
              step.expect(report && !report->runsAsRoot, "runsAsRoot");
            }),
            "");
}

TEST_F(AsRoot, AnOrdinaryUserCanOnlyStayWhoItIs) {
  Identity self = nobody();
  Identity other = self;
  other.uid = 12345;
  other.userName = "other";
  Identity otherGroup = self;
  otherGroup.gid = 12345;
  otherGroup.groupGiven = true;
  EXPECT_EQ(
      inChild([&](Step& step) {
        if (::setresgid(self.gid, self.gid, self.gid) != 0 ||
            ::setresuid(self.uid, self.uid, self.uid) != 0) {
          return step.expect(false, "setup");
        }
        auto refused = dropPrivileges(&other);
        step.expect(!refused && refused.error().text ==
                                    "cannot become user other: culvert was not started as root "
                                    "but as user nobody",
                    refused ? "other user accepted" : refused.error().text);
        step.expect(!checkIdentityReachable(otherGroup), "other group accepted");
        auto same = dropPrivileges(&self);
        step.expect(same && !same->runsAsRoot, same ? "runsAsRoot" : same.error().text);
        step.expect(same && same->text.find("no capabilities kept") != std::string::npos, "text");
        ControlPrivileges nothing;
        step.expect(ownField("CapEff") == kNoCaps, "CapEff");
      }),
      "");
}

TEST_F(AsRoot, CapabilitiesHandedToAnOrdinaryUserAreCutToTheKeptOnes) {
  Identity self = nobody();
  EXPECT_EQ(inChild([&](Step& step) {
              // As a service manager does with AmbientCapabilities=: an ordinary user with a few
              // capabilities.
              prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
              step.expect(::setresgid(self.gid, self.gid, self.gid) == 0 &&
                              ::setresuid(self.uid, self.uid, self.uid) == 0,
                          "setup");
              cap_t caps = cap_from_text("cap_net_bind_service,cap_chown=eip");
              step.expect(cap_set_proc(caps) == 0, "setup of capabilities");
              cap_free(caps);
              cap_set_ambient(CAP_CHOWN, CAP_SET);
              auto report = dropPrivileges(nullptr);
              step.expect(report && !report->runsAsRoot, "drop");
              step.expect(ownField("CapPrm") == "0000000000000400", "CapPrm " + ownField("CapPrm"));
              step.expect(ownField("CapAmb") == kNoCaps && ownField("CapInh") == kNoCaps,
                          "CapAmb, CapInh");
              ControlPrivileges raised;
              step.expect(lowPortsAreOpen() || canBindLowPort(), "cannot bind");
            }),
            "");
}

TEST(Privileges, AnOrdinaryUserStaysWithoutRoot) {
  if (::geteuid() == 0) GTEST_SKIP() << "runs as root: covered above";
  EXPECT_EQ(inChild([&](Step& step) {
              auto report = dropPrivileges(nullptr);
              step.expect(report && !report->runsAsRoot,
                          report ? "runsAsRoot" : report.error().text);
              step.expect(ownField("NoNewPrivs") == "1", "NoNewPrivs");
            }),
            "");
}

}  // namespace
}  // namespace culvert
