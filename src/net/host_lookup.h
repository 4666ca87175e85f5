// SPDX-License-Identifier: GPL-3.0-or-later
// HostLookup resolves host names on its own thread, which the first ask() starts. It is for names
// that are needed only occasionally; the Resolver looks up the backends' names at regular
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
  /// The new thread runs this function first. Callers use it to drop the thread's capabilities.
  std::function<void()> onThreadStart;
  /// The new thread calls this function with each answer, but never after the HostLookup is
  /// destroyed.
  std::function<void(const std::string& host, uint16_t port, Result<AddressSet> answer)> onAnswer;
  /// The function that resolves a name; tests replace it.
  std::function<Result<AddressSet>(const std::string& host, uint16_t port)> lookup = resolveHost;
};

class HostLookup {
 public:
  explicit HostLookup(HostLookupOptions options);
  /// Waits at most 250 ms for the thread to end. If the thread is then still blocked in
  /// getaddrinfo(), it keeps running without the HostLookup. This is safe, because the thread
  /// shares ownership of the state that it uses.
  ~HostLookup();
  HostLookup(const HostLookup&) = delete;
  HostLookup& operator=(const HostLookup&) = delete;

  /// Requests the addresses of `host` without waiting. `onAnswer` gets one answer for each call of
  /// ask(), in the order of the calls. Fails if the thread cannot be created.
  Result<void> ask(const std::string& host, uint16_t port);

 private:
  struct Shared;
  const std::shared_ptr<Shared> shared_;
  StrayThread thread_;
};

}  // namespace culvert
