// SPDX-License-Identifier: GPL-3.0-or-later
// A reload as a transaction: what fails changes nothing, and what succeeds is in force when it
// returns.
#include "server/reload.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "unit/certs/support/test_ca.h"
#include "unit/certs/support/test_secret.h"
#include "unit/server/support/running_parts.h"

namespace culvert {
namespace {

namespace fs = std::filesystem;

class ReloadTest : public ServerPartsTest {
 protected:
  /// Everything that a failed reload must leave as it is.
  struct State {
    std::vector<std::shared_ptr<const Service>> services;
    std::vector<BoundListener> listeners;
    std::string tickets;
    size_t maxTunnels = 0;
    Millis drainTimeout{0};
    bool operator==(const State&) const = default;
  };

  void start(const std::string& text) {
    write(text);
    running_.emplace(dir_);
    ASSERT_TRUE(running_->ok());
    reload_.emplace(running_->parts);
  }
  void TearDown() override {
    reload_.reset();  // before what it works on
    running_.reset();
  }
  bool reload(const std::string& text) {
    write(text);
    return reload_->run()->done;
  }
  ServerParts& parts() { return running_->parts; }
  LogCapture& log() { return running_->log; }
  State state() {
    State now;
    for (const RuntimeService& one : parts().runtime.services) now.services.push_back(one.service);
    now.listeners = parts().listeners.report();
    now.tickets = parts().tickets.ids();
    now.maxTunnels = parts().budget.limit();
    now.drainTimeout = parts().config.global.drainTimeout;
    return now;
  }
  uint64_t count(Counter counter) const { return running_->counted(counter); }
  static bool accepts(const std::string& address) { return RunningParts::connect(address).valid(); }
  std::string listenUnix(const std::string& name) const { return "unix:" + dir_ / name; }

  std::optional<RunningParts> running_;
  std::optional<Reload> reload_;
};

// --- what succeeds

TEST_F(ReloadTest, AGoodOneIsInForceWhenItReturns) {
  start(service("web"));
  const State before = state();
  ASSERT_TRUE(reload("[global]\nmax-tunnels = 7\ndrain-timeout = 3s\n" +
                     service("web", "idle-timeout = 5s\n") + service("mail")))
      << log().text();
  ASSERT_EQ(parts().runtime.services.size(), 2u);
  EXPECT_EQ(parts().runtime.services[0].service->profile->tunnel->idleTimeout, Millis(5000));
  EXPECT_EQ(parts().config.services.size(), 2u);
  EXPECT_EQ(parts().config.global.drainTimeout, Millis(3000));
  EXPECT_EQ(parts().budget.limit(), 7u);
  EXPECT_EQ(parts().listeners.size(), 2u);
  EXPECT_EQ(running_->address(0), before.listeners[0].address) << "its socket is the same";
  EXPECT_TRUE(accepts(running_->address(0)));
  EXPECT_TRUE(accepts(running_->address(1)));
  EXPECT_EQ(count(Counter::kReloadsOk), 1u);
  EXPECT_EQ(count(Counter::kReloadsFailed), 0u);
  EXPECT_EQ(log().count({"notice", "reload done", "services=2", "listeners=2"}), 1u)
      << log().text();
  EXPECT_EQ(log().count({"listening", "service=mail", "address=" + running_->address(1)}), 1u)
      << log().text();
}

TEST_F(ReloadTest, WhatHasNotChangedIsCarriedOver) {
  start(service("web"));
  const auto before = parts().runtime.services[0].service;
  ASSERT_TRUE(reload(service("web"))) << log().text();
  EXPECT_EQ(parts().runtime.services[0].service->tls, before->tls);
  EXPECT_TRUE(parts().runtime.services[0].service->profile->connect.pool->countsWith(
      *before->profile->connect.pool));
}

TEST_F(ReloadTest, ADroppedListenerIsClosed) {
  start(service("web") + service("mail"));
  const std::string dropped = running_->address(1);
  ASSERT_TRUE(reload(service("web"))) << log().text();
  EXPECT_EQ(parts().listeners.size(), 1u);
  EXPECT_TRUE(running_->turnUntil([&] { return !accepts(dropped); }));
  EXPECT_TRUE(accepts(running_->address(0)));
  EXPECT_EQ(log().count({"no longer listening", "service=mail", "address=" + dropped}), 1u)
      << log().text();
}

TEST_F(ReloadTest, TheSocketFileOfADroppedListenerIsRemoved) {
  start(service("web", "", listenUnix("one") + "\nlisten = " + listenUnix("two")));
  ASSERT_TRUE(fs::exists(dir_ / "one"));
  ASSERT_TRUE(fs::exists(dir_ / "two"));
  ASSERT_TRUE(reload(service("web", "", listenUnix("two")))) << log().text();
  EXPECT_TRUE(running_->turnUntil([&] { return !fs::exists(dir_ / "one"); }));
  EXPECT_TRUE(fs::exists(dir_ / "two"));
  EXPECT_TRUE(accepts(listenUnix("two")));
}

TEST_F(ReloadTest, AListenerThatMovesToAnotherServiceKeepsItsSocket) {
  start(service("web", "", listenUnix("one")));
  ASSERT_TRUE(reload(service("mail", "", listenUnix("one")))) << log().text();
  EXPECT_EQ(parts().listeners.report()[0].service, "mail");
  EXPECT_TRUE(accepts(listenUnix("one")));
}

TEST_F(ReloadTest, OtherTicketSecretsAreInForceAndLogged) {
  const auto global = [&](unsigned secret) {
    return "[global]\nticket-secret-file = " + writeSecret(dir_, testSecret(secret)) + "\n";
  };
  start(global(1) + service("web"));
  const std::string before = parts().tickets.ids();
  const TicketKeys* keys = parts().tickets.keys();
  ASSERT_TRUE(reload(global(2) + service("web"))) << log().text();
  EXPECT_NE(parts().tickets.ids(), before);
  EXPECT_EQ(parts().tickets.keys(), keys) << "workers hold them";
  EXPECT_EQ(log().count({"session ticket secret", "id=" + parts().tickets.ids()}), 1u)
      << log().text();
  ASSERT_TRUE(reload(global(2) + service("web")));
  EXPECT_EQ(log().count({"session ticket secret"}), 1u) << "only where they are others";
}

TEST_F(ReloadTest, TheProcessesOwnTicketSecretStays) {
  start(service("web"));
  const std::string before = parts().tickets.ids();
  ASSERT_TRUE(reload(service("web", "alpn = h2\n")));
  EXPECT_EQ(parts().tickets.ids(), before);
}

TEST_F(ReloadTest, TheLogLevelIsInForceAtOnce) {
  start(service("web"));
  ASSERT_TRUE(parts().logger.enabled(LogLevel::kDebug));
  ASSERT_TRUE(reload("[global]\nlog-level = warning\n" + service("web")));
  EXPECT_TRUE(parts().logger.enabled(LogLevel::kWarning));
  EXPECT_FALSE(parts().logger.enabled(LogLevel::kNotice));
}

TEST_F(ReloadTest, WarningsAreLogged) {
  start(service("web"));
  ASSERT_TRUE(reload(service("web", "server-names = other.example\n"))) << log().text();
  EXPECT_EQ(log().count({"warning",
                         "f.ini:6: warning: [service web] server-names: no certificate "
                         "covers other.example"}),
            1u)
      << log().text();
}

// --- what fails

TEST_F(ReloadTest, AFailedOneChangesNothing) {
  const auto taken = openListener(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
  ASSERT_TRUE(taken);
  const std::string busy = boundAddress(taken->get()).text();
  start(service("web"));
  const State before = state();
  const std::string sweeping =
      "[global]\nmax-tunnels = 7\ndrain-timeout = 3s\n" + service("web", "alpn = h2\n");
  const struct {
    const char* stage;
    std::string text;
  } rows[] = {
      {"the file's form", sweeping + "no-such-option = 1\n"},
      {"what needs a restart", "[global]\nworkers = 9\nmax-tunnels = 7\n" + service("web")},
      {"a backend's name", sweeping + service("new", "backend = no-such-host.invalid:1\n")},
      {"a certificate", sweeping + service("new", "cert = " + dir_ / "no.pem" + "\n")},
      {"the ticket secret",
       "[global]\nmax-tunnels = 7\nticket-secret-file = " + dir_ / "no" + "\n" + service("web")},
      {"an address", sweeping + service("new", "", listenUnix("fresh") + "\nlisten = " + busy)},
  };
  uint64_t failures = 0;
  for (const auto& [stage, text] : rows) {
    log().clear();
    EXPECT_FALSE(reload(text)) << stage;
    EXPECT_EQ(state(), before) << stage;
    EXPECT_EQ(count(Counter::kReloadsFailed), ++failures) << stage;
    EXPECT_EQ(log().count({"err", "reload failed: nothing was changed", "errors=1"}), 1u)
        << stage << "\n"
        << log().text();
    EXPECT_EQ(log().count({"err", "f.ini:", ": error: "}), 1u) << stage << "\n" << log().text();
    EXPECT_TRUE(accepts(running_->address())) << stage;
  }
  EXPECT_EQ(count(Counter::kReloadsOk), 0u);
  EXPECT_FALSE(fs::exists(dir_ / "fresh")) << "what was bound in vain is gone";
  EXPECT_TRUE(reload(service("web", "alpn = h2\n"))) << "the next one can succeed";
}

TEST_F(ReloadTest, AMissingFileFails) {
  start(service("web"));
  const State before = state();
  fs::remove(dir_ / "f.ini");
  EXPECT_FALSE(reload_->run()->done);
  EXPECT_EQ(state(), before);
}

TEST_F(ReloadTest, WhileCulvertStopsItIsIgnored) {
  start(service("web"));
  const State before = state();
  reload_->stop();
  EXPECT_FALSE(reload(service("web", "alpn = h2\n") + service("mail")));
  EXPECT_EQ(state(), before);
  EXPECT_EQ(count(Counter::kReloadsOk) + count(Counter::kReloadsFailed), 0u);
  EXPECT_EQ(log().count({"notice", "reload ignored: culvert is draining"}), 1u) << log().text();
}

// --- certificates that change by themselves

class CertificateReloadTest : public ReloadTest {
 protected:
  void startWithOwnCertificate() {
    TestCa::shared().issue(dir_, "a");
    start("[service web]\nlisten = 127.0.0.1:0\nbackend = 127.0.0.1:7\ncert = " + dir_ / "a.pem" +
          "\nkey = " + dir_ / "a.key" + "\n");
    reload_->start();
  }
};

TEST_F(CertificateReloadTest, ARenewedCertificateIsInForceWithoutAReload) {
  startWithOwnCertificate();
  const auto before = parts().runtime.services[0].service;
  const std::string address = running_->address();
  TestCa::shared().issue(dir_, "a");
  ASSERT_TRUE(running_->turnUntil([&] { return parts().runtime.services[0].service != before; }));
  const Service& now = *parts().runtime.services[0].service;
  EXPECT_NE(now.tls->credentials, before->tls->credentials);
  EXPECT_EQ(now.profile, before->profile);
  EXPECT_EQ(running_->address(), address);
  EXPECT_TRUE(accepts(address));
  EXPECT_EQ(count(Counter::kCertificatesTaken), 1u);
  EXPECT_EQ(count(Counter::kReloadsOk), 0u);
}

TEST_F(CertificateReloadTest, WhileCulvertStopsNothingIsTaken) {
  startWithOwnCertificate();
  const auto before = parts().runtime.services[0].service;
  reload_->stop();
  TestCa::shared().issue(dir_, "a");
  const TimePoint end = Clock::now() + Millis(1'200);  // a second is long enough when it is taken
  ASSERT_TRUE(running_->turnUntil([&] { return Clock::now() > end; }));
  EXPECT_EQ(parts().runtime.services[0].service, before);
}

}  // namespace
}  // namespace culvert
