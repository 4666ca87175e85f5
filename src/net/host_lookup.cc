// SPDX-License-Identifier: GPL-3.0-or-later
// See host_lookup.h.
#include "net/host_lookup.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>
#include <utility>

#include "base/clock.h"

namespace culvert {
namespace {

constexpr Millis kMemoryPause(1000);

}  // namespace

struct HostLookup::Shared {
  explicit Shared(HostLookupOptions given) : options(std::move(given)) {}

  static void run(const std::shared_ptr<Shared>& self);
  void answer(const std::string& host, uint16_t port);

  const HostLookupOptions options;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::pair<std::string, uint16_t>> questions;  // guarded by mutex
  bool stopping = false;                                   // guarded by mutex

  std::mutex answerMutex;  // held during onAnswer, so that onAnswer never runs after the destructor
  bool silent = false;     // guarded by answerMutex
};

/// The body of the thread. The thread shares ownership of the state with the HostLookup, because
/// the HostLookup may be destroyed first.
void HostLookup::Shared::run(const std::shared_ptr<Shared>& self) {
  std::unique_lock lock(self->mutex);
  while (true) {
    self->changed.wait(lock, [&self] { return self->stopping || !self->questions.empty(); });
    if (self->stopping) break;
    const auto [host, port] = std::move(self->questions.front());
    self->questions.pop_front();
    lock.unlock();
    self->answer(host, port);
    lock.lock();
  }
}

/// Resolves one host name. Retries while memory is short, because the caller of ask() waits for the
/// answer.
void HostLookup::Shared::answer(const std::string& host, uint16_t port) {
  for (;;) {
    try {
      auto found = options.lookup(host, port);
      const std::lock_guard answering(answerMutex);
      if (!silent) options.onAnswer(host, port, std::move(found));
      return;
    } catch (const std::bad_alloc&) {
    }
    std::unique_lock lock(mutex);
    if (changed.wait_for(lock, kMemoryPause, [this] { return stopping; })) return;
  }
}

HostLookup::HostLookup(HostLookupOptions options)
    : shared_(std::make_shared<Shared>(std::move(options))) {}

HostLookup::~HostLookup() {
  {
    const std::lock_guard lock(shared_->answerMutex);
    shared_->silent = true;
  }
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
    shared_->changed.notify_all();
  }
  thread_.stop();
}

Result<void> HostLookup::ask(const std::string& host, uint16_t port) {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->questions.emplace_back(host, port);
    shared_->changed.notify_all();
  }
  if (thread_.running()) return {};
  auto started = thread_.start("culvert-lookup", shared_->options.onThreadStart,
                               [shared = shared_] { Shared::run(shared); });
  if (!started) {
    const std::lock_guard lock(shared_->mutex);
    shared_->questions.clear();
  }
  return started;
}

}  // namespace culvert
