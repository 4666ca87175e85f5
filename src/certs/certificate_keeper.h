// SPDX-License-Identifier: GPL-3.0-or-later
// CertificateKeeper is the control thread's part in the life of certificates. It notices that their
// files have changed, loads the valid ones, and logs what expires. Thread: control.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include "certs/certificate_refresh.h"
#include "certs/certificate_watch.h"
#include "certs/client_auth_expiry.h"
#include "log/logger.h"
#include "stats/counters.h"

namespace culvert {

class CertificateKeeper {
 public:
  using Callback = void (*)(void* context);

  /// `counters` are the control thread's. `onDue` is called when refresh() is due.
  CertificateKeeper(EventLoop& loop, Logger& logger, CounterBlock& counters, void* context,
                    Callback onDue)
      : logger_(logger), counters_(counters), watch_(loop, context, onDue), peerAuth_(logger) {}

  /// Starts watching the files.
  void start(const Config& config, const Runtime& runtime);
  /// Follows a new configuration. Call with the privileges that reading the files needs.
  void follow(const Config& config, const Runtime& runtime);

  /// Reads the certificate files that have changed. It does not read the configuration: only
  /// certificates change. It calls `putInForce` with the previous runtime if `runtime` now serves
  /// something else. Call with the privileges that reading the files needs.
  void refresh(const Config& config, Runtime& runtime,
               const std::function<void(const Runtime& before)>& putInForce);

  /// Logs what expires: every day, and when it happens.
  void onTick(const Runtime& runtime);
  /// Counts what is served, and how long it is valid.
  static void count(const Runtime& runtime, CounterSnapshot& snapshot);

 private:
  using Served = std::unordered_set<const Credentials*>;

  void watchFiles(const Config& config, const Runtime& runtime);
  void logTaken(const Served& before, const Runtime& now);
  /// Logs everything that clients refuse now or soon.
  void tellAll(const Runtime& runtime);
  /// The same, only for what is not in `before`.
  void tellTaken(const Served& before, const Runtime& runtime, bool clients);
  /// Logs certificates that came close to their expiry, or expired, since the last report.
  void tellNew(const Runtime& runtime);
  template <class Wanted>
  void tellValidity(const Runtime& runtime, int64_t now, Wanted wanted);
  void tell(const std::string& service, const Credentials& one, int64_t now);

  Logger& logger_;
  CounterBlock& counters_;
  CertificateWatch watch_;
  ClientAuthExpiry peerAuth_;
  size_t blind_ = 0;    // directories that could not be watched last time
  int64_t allAt_ = 0;   // wall clock, seconds: the last report of everything
  int64_t toldAt_ = 0;  // the last report
  int64_t next_ = 0;    // when the next report is due
};

}  // namespace culvert
