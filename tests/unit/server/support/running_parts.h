// SPDX-License-Identifier: GPL-3.0-or-later
// ServerParts as they are after a start: a configuration file in a directory of the test's own,
// services in force, listeners bound, one worker and the acceptor running. The control thread's
// loop is turned by the test. Thread: the test's.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "event/callback.h"
#include "event/timer.h"
#include "eventually.h"
#include "log_capture.h"
#include "net/socket_ops.h"
#include "server/parts.h"
#include "server/preparation.h"
#include "server/reports.h"
#include "socket_pair.h"
#include "unit/tls/support/test_keys.h"
#include "unit/tls/support/tls_test.h"

namespace culvert {

class RunningParts {
 public:
  /// Starts from the file `f.ini` of the directory. Check ok() afterwards.
  explicit RunningParts(const TempDir& dir) : parts(ConfigSource(dir / "f.ini", {}), false) {
    Preparation made = prepare(
        parts.source,
        {.reason = PrepareReason::kStart, .resolver = *parts.resolver, .tickets = parts.tickets});
    for (const Diagnostic& one : made.diagnostics.list()) said_ += one.text() + "\n";
    if (made.exitCode != 0) return;
    parts.config = std::move(made.config);
    parts.runtime = std::move(made.runtime);
    ok_ = parts.tickets.apply(std::move(made.tickets), parts.config.global.ticketRotation) &&
          startThreads();
  }
  ~RunningParts() {
    if (parts.acceptor) parts.acceptor->stop();
    if (!workersJoined)
      for (auto& worker : parts.workers) worker->stop(CloseCause::kDrain);
    parts.staples.stop();
    parts.resolver.reset();
  }

  /// What the start said, for messages.
  testing::AssertionResult ok() const {
    return ok_ ? testing::AssertionSuccess() : testing::AssertionFailure() << said_;
  }

  /// Turns the control thread's loop until `holds`; false where it does not within ten seconds.
  template <class Holds>
  bool turnUntil(Holds holds) {
    return eventually([&] {
      parts.loop.turn(false);
      return holds();
    });
  }
  /// Runs the control thread's loop until something stops it; false where nothing does within ten
  /// seconds.
  bool runUntilStopped() {
    late_ = false;
    Timer limit(parts.loop, this, call<&RunningParts::onLate>);
    limit.armBy(Clock::now() + Millis(10'000));
    parts.loop.run();
    return !late_;
  }

  /// Where the listener of this place listens.
  std::string address(size_t place = 0) const { return parts.listeners.report().at(place).address; }
  /// A client that the kernel has connected; invalid where nobody listens.
  static UniqueFd connect(const std::string& address) {
    const auto spec = parseAddress(address, AddressUse::kBackend);
    if (!spec) return {};
    ConnectStart start = startConnect(spec->address);
    if (!start.fd || (!start.connected &&
                      (!waitFd(start.fd.get(), POLLOUT) || connectResult(start.fd.get()) != 0)))
      return {};
    return std::move(start.fd);
  }
  /// Clients that say nothing; returns when each has a tunnel.
  std::vector<UniqueFd> openTunnels(size_t count) {
    std::vector<UniqueFd> clients;
    for (size_t i = 0; i < count; ++i) clients.push_back(connect(address()));
    EXPECT_TRUE(eventually([&] { return counted(Counter::kAccepted) >= count; }));
    return clients;
  }
  uint64_t counted(Counter counter) const { return parts.registry.snapshot().get(counter); }

  ServerParts parts;
  LogCapture log{parts.logger};
  bool workersJoined = false;  ///< the test has stopped them

 private:
  bool startThreads() {
    Diagnostics diagnostics;
    auto change = parts.listeners.prepare(parts.config, parts.listenOptions, diagnostics);
    for (const Diagnostic& one : diagnostics.list()) said_ += one.text() + "\n";
    if (diagnostics.hasErrors()) return false;
    ListenerUpdate first = parts.listeners.commit(std::move(change), parts.runtime);
    parts.staples.follow(parts.runtime);
    parts.fdBudget = applyFdBudget(parts.config.global.maxTunnels, 32);
    parts.budget.setLimit(parts.fdBudget.maxTunnels);
    parts.commitLimits();
    parts.shared = std::make_unique<WorkerShared>(
        WorkerShared{parts.logger, parts.budget, parts.tickets.keys(), parts.nextTunnelId,
                     parts.limits, parts.handshakeRate});
    parts.workers.push_back(std::make_unique<Worker>(0, *parts.shared, parts.registry.addBlock()));
    Worker& worker = *parts.workers.front();
    if (!parts.postBox.open() || !parts.resolver->start() || !worker.open() || !worker.start())
      return false;
    parts.acceptor = std::make_unique<Acceptor>(parts.logger, parts.registry.addBlock(),
                                                parts.budget, std::vector<Worker*>{&worker});
    parts.acceptor->setOnClosed([this](uint32_t id) {
      parts.postBox.post([this, id] { parts.listeners.removeDroppedFile(id); });
    });
    parts.budget.setWake([this] { parts.acceptor->wake(); });
    if (!parts.acceptor->open() || !parts.acceptor->start()) return false;
    parts.acceptor->apply(std::move(first));
    return true;
  }
  void onLate() {
    late_ = true;
    parts.loop.stop();
  }

  std::string said_;
  bool ok_ = false;
  bool late_ = false;
};

/// The base of tests that start from a file: keys, and the text of services.
class ServerPartsTest : public TlsTest {
 protected:
  /// A service with a certificate of test_keys.h; `listen` may name several.
  static std::string service(const std::string& name, const std::string& more = "",
                             const std::string& listen = "127.0.0.1:0") {
    return "[service " + name + "]\nlisten = " + listen +
           "\nbackend = 127.0.0.1:7\ncert = " + testKeys() / "ec.pem" +
           "\nkey = " + testKeys() / "ec.key" + "\n" + more;
  }
  void write(const std::string& text) const { dir_.write("f.ini", text); }

  TempDir dir_;
};

}  // namespace culvert
