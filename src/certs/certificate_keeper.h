// SPDX-License-Identifier: GPL-3.0-or-later
// CertificateKeeper manages the certificates on the control thread. It notices changed files, loads
// the valid certificates, and logs certificates that expire. Thread: control.
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

  /// `counters` is the block of the control thread. `onDue` is called with `context` when refresh()
  /// is due.
  CertificateKeeper(EventLoop& loop, Logger& logger, CounterBlock& counters, void* context,
                    Callback onDue)
      : logger_(logger), counters_(counters), watch_(loop, context, onDue), peerAuth_(logger) {}

  /// Starts watching the files.
  void start(const Config& config, const Runtime& runtime);
  /// Watches the files of a new configuration and logs expiries. Call with the privileges that
  /// reading the files needs.
  void follow(const Config& config, const Runtime& runtime);

  /// Reads the certificate files that have changed, but not the configuration file. If this changes
  /// what `runtime` serves, calls `putInForce` with the previous runtime. Call with the privileges
  /// that reading the files needs.
  void refresh(const Config& config, Runtime& runtime,
               const std::function<void(const Runtime& before)>& putInForce);

  /// Logs each expiry when it happens, and once a day all certificates that have expired or expire
  /// soon.
  void onTick(const Runtime& runtime);
  /// Puts the number of served certificates and the time until the first of them expires into
  /// `snapshot`.
  static void count(const Runtime& runtime, CounterSnapshot& snapshot);

 private:
  using Served = std::unordered_set<const Credentials*>;

  void watchFiles(const Config& config, const Runtime& runtime);
  void logTaken(const Served& before, const Runtime& now);
  /// Logs every certificate that clients refuse now or will refuse soon.
  void tellAll(const Runtime& runtime);
  /// For certificates that are not in `before`, logs what tellAll() logs. For all other
  /// certificates, logs what tellNew() logs. `clients` tells whether to log the CAs and CRLs for
  /// client certificates, too.
  void tellTaken(const Served& before, const Runtime& runtime, bool clients);
  /// Logs each certificate that has come close to its expiry, or has expired, since the last
  /// report.
  void tellNew(const Runtime& runtime);
  template <class Wanted>
  void tellValidity(const Runtime& runtime, int64_t now, Wanted wanted);
  void tell(const std::string& service, const Credentials& one, int64_t now);

  Logger& logger_;
  CounterBlock& counters_;
  CertificateWatch watch_;
  ClientAuthExpiry peerAuth_;
  size_t blind_ = 0;    // how many directories watchFiles() could not watch
  int64_t allAt_ = 0;   // wall clock, seconds: when tellAll() last ran
  int64_t toldAt_ = 0;  // wall clock, seconds: the last report
  int64_t next_ = 0;    // wall clock, seconds: when the next report is due
};

}  // namespace culvert
