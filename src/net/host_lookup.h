// SPDX-License-Identifier: GPL-3.0-or-later
// HostLookup resolves a name once in a while, on a thread of its own that exists from the first
// question on: for what is not a backend and needs no standing look-ups (those are the Resolver's).
// Thread: one owner.
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
  /// Told of each answer, in that thread; never after the destructor.
  std::function<void(const std::string& host, uint16_t port, Result<AddressSet> answer)> onAnswer;
  /// What resolves; tests put their own in.
  std::function<Result<AddressSet>(const std::string& host, uint16_t port)> lookup = resolveHost;
};

class HostLookup {
 public:
  explicit HostLookup(HostLookupOptions options);
  /// Waits at most a quarter of a second: a thread stuck in getaddrinfo() is left behind with its
  /// own state.
  ~HostLookup();
  HostLookup(const HostLookup&) = delete;
  HostLookup& operator=(const HostLookup&) = delete;

  /// One answer will come for each question, in their order. Fails where no thread can be had.
  Result<void> ask(const std::string& host, uint16_t port);

 private:
  struct Shared;
  const std::shared_ptr<Shared> shared_;
  StrayThread thread_;
};

}  // namespace culvert
