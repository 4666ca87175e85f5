// SPDX-License-Identifier: GPL-3.0-or-later
// HostLookup resolves a name now and then, on its own thread, which starts with the first question.
// It is for names that need no regular look-ups; the Resolver does those for backends. Thread: one
// owner.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/stray_thread.h"
#include "net/resolve.h"

namespace culvert {

struct HostLookupOptions {
  /// Runs first in the new thread: drop capabilities there.
  std::function<void()> onThreadStart;
  /// Called in that thread for each answer; never after the destructor.
  std::function<void(const std::string& host, uint16_t port, Result<AddressSet> answer)> onAnswer;
  /// The resolving function; tests replace it.
  std::function<Result<AddressSet>(const std::string& host, uint16_t port)> lookup = resolveHost;
};

class HostLookup {
 public:
  explicit HostLookup(HostLookupOptions options);
  /// Waits at most a quarter of a second. A thread blocked in getaddrinfo() is left behind with its
  /// own state.
  ~HostLookup();
  HostLookup(const HostLookup&) = delete;
  HostLookup& operator=(const HostLookup&) = delete;

  /// Each question gets one answer, in the order of the questions. Fails if no thread can be
  /// created.
  Result<void> ask(const std::string& host, uint16_t port);

 private:
  struct Shared;
  const std::shared_ptr<Shared> shared_;
  StrayThread thread_;
};

}  // namespace culvert
