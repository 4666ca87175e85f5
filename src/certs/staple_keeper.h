// SPDX-License-Identifier: GPL-3.0-or-later
// StapleKeeper is the control thread's part in OCSP stapling: it reads files while there are rights
// to, leaves fetching to a thread of its own, and tells the log what an operator ought to know.
// Thread: control.
#pragma once

#include "certs/ocsp_thread.h"
#include "certs/stapling.h"

namespace culvert {

class StapleKeeper {
 public:
  /// `counters` are the control thread's.
  StapleKeeper(Logger& logger, CounterBlock& counters) : logger_(logger), counters_(counters) {}

  /// From now on the certificates of these services. Reads their files: before the privilege drop,
  /// or with rights raised.
  void follow(const Runtime& runtime);
  /// Fetches from now on. Once, when threads may be made.
  void startFetching(CounterRegistry& registry, std::function<void()> onThreadStart);
  /// What fetching will open at most.
  size_t ownDescriptors() const;
  /// No thread is left afterwards.
  void stop() { fetching_.reset(); }

  /// Twice a second: looks at files.
  void onTick(TimePoint now);
  /// Logs one line for each certificate that stapling is about; how many have a response to serve.
  size_t dump() const;

 private:
  void log(const std::vector<StapleNote>& notes);
  void fetch();

  Logger& logger_;
  CounterBlock& counters_;
  std::vector<StapleWish> wishes_;
  StapleFiles files_;
  TimePoint nextRound_{};
  std::unique_ptr<OcspThread> fetching_;
};

}  // namespace culvert
