// SPDX-License-Identifier: GPL-3.0-or-later
// See connector.h.
#include "net/connector.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "net/plain_stream.h"
#include "net/socket_ops.h"

namespace culvert {
namespace {

constexpr Millis kFirstBackoff{50};
constexpr Millis kLastBackoff{1000};

/// What culvert or its machine lacks, whoever the backend is.
bool ownShortage(int sysErrno) {
  switch (sysErrno) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EADDRNOTAVAIL:  // no local port is left, or no address to come from
      return true;
    default:
      return false;
  }
}

std::string causeOf(int sysErrno) {
  if (ownShortage(sysErrno)) return "internal";
  switch (sysErrno) {
    case ECONNREFUSED:
    case ENOENT:  // the UNIX socket's file is not there: nobody listens
      return "backend-refused";
    case ETIMEDOUT:
      return "backend-timeout";
    case ECONNRESET:
      return "backend-reset";
    default:
      return "backend-unreachable";
  }
}

}  // namespace

Connector::Connector(EventLoop& loop, const ConnectorOptions& options, CounterBlock& counters,
                     std::function<std::string()> preface)
    : loop_(loop),
      options_(options),
      counters_(counters),
      preface_(std::move(preface)),
      timer_(loop, this, [](void* self) { static_cast<Connector*>(self)->onTimer(); }),
      backoff_(kFirstBackoff) {}

Connector::~Connector() = default;

void Connector::dial(DialObserver& observer) {
  observer_ = &observer;
  phaseDeadline_ = deadlineAfter(loop_.now(), options_.connectTimeout);
  beginPass();
}

void Connector::beginPass() {
  pass_.clear();
  next_ = 0;
  retryAt_ = kNever;
  for (const auto& target : options_.targets) {
    const auto addresses = target->addresses();
    pass_.insert(pass_.end(), addresses->begin(), addresses->end());
    if (addresses->empty()) {
      lastFailure_ = {"backend-unreachable",
                      fmt::format("{} has not been resolved", target->text())};
      target->refreshSoon();
    }
  }
  tryNext();
}

void Connector::tryNext() {
  while (next_ < pass_.size()) {
    const SocketAddress& address = pass_[next_++];
    ConnectStart start = startConnect(address);
    if (start.connected) return adopt(std::move(start.fd));
    if (!start.fd.valid()) {
      attemptFailed(start.error);
      continue;
    }
    fd_ = std::move(start.fd);
    watcher_ = std::make_unique<IoWatcher>(loop_, fd_.get(), this, nullptr, [](void* self) {
      static_cast<Connector*>(self)->onWritable();
    });
    watcher_->watch(false, true);
    // A silent address may not eat the time of those behind it: it gets its share of what is left.
    attemptDeadline_ = kNever;
    if (phaseDeadline_ != kNever) {
      const auto share =
          (phaseDeadline_ - loop_.now()) / static_cast<int64_t>(pass_.size() - next_ + 1);
      attemptDeadline_ = loop_.now() + share;
      timer_.armBy(attemptDeadline_);
    }
    return;
  }
  endOfPass();
}

void Connector::attemptFailed(int sysErrno) {
  const SocketAddress& address = pass_[next_ - 1];
  counters_.add(Counter::kBackendConnectsFailed);
  lastFailure_ = {causeOf(sysErrno), fmt::format("{}: {}", address.text(), errnoText(sysErrno))};
  if (ownShortage(sysErrno)) return;  // another address would not help
  for (const auto& target : options_.targets) target->refreshSoon();
}

void Connector::endOfPass() {
  if (!options_.retry || loop_.now() >= phaseDeadline_) return fail();
  counters_.add(Counter::kBackendConnectsRetried);
  retryAt_ = std::min(loop_.now() + backoff_, phaseDeadline_);
  backoff_ = std::min(backoff_ * 2, kLastBackoff);
  timer_.armBy(retryAt_);
}

void Connector::adopt(UniqueFd fd) {
  watcher_.reset();
  timer_.disarm();
  const SocketAddress& address = pass_[next_ - 1];
  if (!address.isUnix()) setTunnelSocketOptions(fd.get());
  DialObserver* observer = std::exchange(observer_, nullptr);
  observer->onDialed(std::make_unique<PlainStream>(loop_, std::move(fd), preface_()), address);
}

void Connector::fail() {
  timer_.disarm();
  DialObserver* observer = std::exchange(observer_, nullptr);
  observer->onDialFailed(std::move(lastFailure_));
}

void Connector::onWritable() {
  if (observer_ == nullptr) return;
  const int error = connectResult(fd_.get());
  watcher_->watch(false, false);
  if (error == 0) return adopt(std::move(fd_));
  watcher_.reset();
  fd_.reset();
  attemptFailed(error);
  tryNext();
}

void Connector::onTimer() {
  if (observer_ == nullptr) return;
  if (fd_.valid()) {
    if (loop_.now() < attemptDeadline_) return timer_.armBy(attemptDeadline_);
    watcher_.reset();
    fd_.reset();
    attemptFailed(ETIMEDOUT);
    return tryNext();
  }
  if (loop_.now() >= phaseDeadline_) return fail();
  if (loop_.now() >= retryAt_) return beginPass();
  timer_.armBy(retryAt_);
}

}  // namespace culvert
