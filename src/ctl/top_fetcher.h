// SPDX-License-Identifier: GPL-3.0-or-later
// TopFetcher asks the daemon in a thread of its own, so that keys work while an answer is awaited.
// Thread: main, except for the thread's own part.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>

#include "base/unique_fd.h"
#include "ctl/ask.h"
#include "ctl/top_model.h"

namespace culvert {

/// Asks for everything that a frame shows.
CtlResult<TopData> fetchTopData(const CtlAsk& ask, const CtlAsk::Query& tunnelQuery);

class TopFetcher {
 public:
  struct Closed {
    std::string words;
  };
  using Outcome = std::variant<TopData, CtlFailure, Closed>;

  TopFetcher(const CtlLine& line, CtlAsk::Query tunnelQuery);
  TopFetcher(const TopFetcher&) = delete;
  TopFetcher& operator=(const TopFetcher&) = delete;
  /// Cancels the request in progress.
  ~TopFetcher();

  Result<void> start();
  /// Asks for a frame, unless that request waits or is in progress.
  void refresh();
  void closeTunnel(std::string id);

  /// Readable when there is an outcome.
  int outcomeFd() const { return outcomeFd_.get(); }
  std::optional<Outcome> takeOutcome();

 private:
  void run();
  Outcome work(const std::string& id);

  UniqueFd cancelFd_, outcomeFd_;
  CtlAsk ask_;
  CtlAsk::Query query_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::string> wanted_;  // ids to close; "" asks for a frame
  std::deque<Outcome> outcomes_;
  bool refreshing_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace culvert
