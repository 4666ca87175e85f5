// SPDX-License-Identifier: GPL-3.0-or-later
// HostLookup resolves host names on its own thread, which starts with the first question. It is for
// names that are needed only occasionally. The Resolver looks up the backends' names at regular
// intervals. Thread: one owner.
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
  /// Runs first in the new thread; the caller uses it to drop the thread's capabilities.
  std::function<void()> onThreadStart;
  /// Called in the new thread for each answer; never called after the destructor.
  std::function<void(const std::string& host, uint16_t port, Result<AddressSet> answer)> onAnswer;
  /// The resolving function; tests replace it.
  std::function<Result<AddressSet>(const std::string& host, uint16_t port)> lookup = resolveHost;
};

class HostLookup {
 public:
  explicit HostLookup(HostLookupOptions options);
  /// Waits at most a quarter of a second for the thread. A thread that is still blocked in
  /// getaddrinfo() is left behind; it owns its state.
  ~HostLookup();
  HostLookup(const HostLookup&) = delete;
  HostLookup& operator=(const HostLookup&) = delete;

  /// Asks for the addresses of `host`. Each question gets one answer, in the order of the
  /// questions. Fails if no thread can be created.
  Result<void> ask(const std::string& host, uint16_t port);

 private:
  struct Shared;
  const std::shared_ptr<Shared> shared_;
  StrayThread thread_;
};

}  // namespace culvert
