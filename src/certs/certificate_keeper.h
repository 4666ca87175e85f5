// SPDX-License-Identifier: GPL-3.0-or-later
// CertificateKeeper is the control thread's part in the life of certificates: it notices that their
// files have changed, takes what is good, and tells the log of what expires. Thread: control.
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

  /// `counters` are the control thread's. `onDue`: it is time for refresh().
  CertificateKeeper(EventLoop& loop, Logger& logger, CounterBlock& counters, void* context,
                    Callback onDue)
      : logger_(logger), counters_(counters), watch_(loop, context, onDue), peerAuth_(logger) {}

  /// Begins to watch.
  void start(const Config& config, const Runtime& runtime);
  /// Another configuration is in force. To be called with the rights that reading files takes.
  void follow(const Config& config, const Runtime& runtime);

  /// Reads what has changed by itself; nothing of the configuration is read, and what is in force
  /// stays so but for the certificates. Calls `putInForce` with the runtime of before where
  /// `runtime` serves something else now. Also with rights.
  void refresh(const Config& config, Runtime& runtime,
               const std::function<void(const Runtime& before)>& putInForce);

  /// What expires: every day, and when it happens.
  void onTick(const Runtime& runtime);
  /// What is served, and how long it lasts.
  static void count(const Runtime& runtime, CounterSnapshot& snapshot);

 private:
  using Served = std::unordered_set<const Credentials*>;

  void watchFiles(const Config& config, const Runtime& runtime);
  void logTaken(const Served& before, const Runtime& now);
  /// Everything that clients refuse, or soon will.
  void tellAll(const Runtime& runtime);
  /// Of what is not among `before`.
  void tellTaken(const Served& before, const Runtime& runtime, bool clients);
  /// What has come to its last stretch, or to its end, since the last telling.
  void tellNew(const Runtime& runtime);
  template <class Wanted>
  void tellValidity(const Runtime& runtime, int64_t now, Wanted wanted);
  void tell(const std::string& service, const Credentials& one, int64_t now);

  Logger& logger_;
  CounterBlock& counters_;
  CertificateWatch watch_;
  ClientAuthExpiry peerAuth_;
  size_t blind_ = 0;    // directories that could not be watched last time
  int64_t allAt_ = 0;   // wall clock, seconds: when everything was told
  int64_t toldAt_ = 0;  // the last telling
  int64_t next_ = 0;    // when there will be something to tell
};

}  // namespace culvert
