// SPDX-License-Identifier: GPL-3.0-or-later
// See probe.h.
#include "health/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "base/duration.h"
#include "base/words.h"
#include "event/callback.h"
#include "net/socket_ops.h"
#include "worker/backend_stream.h"

namespace culvert {
namespace {

/// True if the error says something about this host and nothing about the backend.
bool lacksResources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS ||
         error == EADDRNOTAVAIL;
}

/// The service as a check with `tcp` sees it: without TLS.
Service withoutTls(const Service& service) {
  Service plain = service;
  plain.backendTls = nullptr;
  plain.backendStartTls = StartTls::kOff;
  return plain;
}

}  // namespace

Probe::Probe(TlsWorker& tls, std::shared_ptr<const Service> service, const SocketAddress& address,
             std::string host, ProbeOwner& owner)
    : worker_(tls),
      service_(std::move(service)),
      address_(address),
      host_(std::move(host)),
      owner_(&owner) {}

Probe::~Probe() = default;

/// Runs one step. If memory runs out, the check is not made.
template <void (Probe::*kStep)()>
void Probe::guarded() {
  if (phase_ == Phase::kEnded) return;
  try {
    (this->*kStep)();
  } catch (const std::bad_alloc&) {
    judge(ProbeResult::State::kUnmade, {});
    end();
  }
}

void Probe::start() { guarded<&Probe::connect>(); }

void Probe::connect() {
  ConnectStart begun = startConnect(address_);
  if (!begun.fd.valid()) return connectFailed(begun.error);
  fd_ = std::move(begun.fd);
  if (begun.connected) return open();
  watcher_ = std::make_unique<IoWatcher>(worker_.loop, fd_.get(), this, call<&Probe::onConnected>,
                                         call<&Probe::onConnected>);
  if (!watcher_->watch(false, true)) throw std::bad_alloc();
}

void Probe::finishConnect() {
  watcher_->watch(false, false);
  if (const int error = connectResult(fd_.get()); error != 0) return connectFailed(error);
  open();
}

void Probe::connectFailed(int error) {
  if (lacksResources(error))
    judge(ProbeResult::State::kUnmade, {});
  else
    judge(ProbeResult::State::kBad, "cannot connect: " + errnoText(error));
  end();
}

void Probe::open() {
  watcher_.reset();
  // If nobody listens on a port from which the system also takes local ports, a connect can meet
  // itself (RFC 9293 3.5, simultaneous open).
  if (!address_.isUnix() && boundAddress(fd_.get()) == address_) return connectFailed(ECONNREFUSED);
  setNoDelay(fd_.get());
  const bool plain = service_->health.kind == HealthCheck::kTcp;
  BackendStream made =
      plain ? makeBackendStream(worker_, std::move(fd_), withoutTls(*service_), std::nullopt,
                                ownProxyHeader(*service_))
            : makeBackendStream(worker_, std::move(fd_), *service_,
                                checkedPeer(*service_, address_, host_), ownProxyHeader(*service_));
  stream_ = std::move(made.stream);
  stream_->setObserver(this);
  tls_ = made.tls;
  if (made.opening != nullptr) made.opening->onTls = [this](TlsStream& tls) { tls_ = &tls; };
  phase_ = Phase::kOpening;
  step();
}

void Probe::step() {
  if (phase_ == Phase::kOpening) stepOpening();
  if (phase_ == Phase::kDialog) stepDialog();
  if (phase_ == Phase::kClosing) stepClosing();
}

void Probe::stepOpening() {
  const IoStatus status = opened_ ? IoStatus::kOk : stream_->handshake();
  if (status == IoStatus::kOk) return opened();
  if (status == IoStatus::kBlocked) return wait(stream_->backlog() != 0);
  judge(ProbeResult::State::kBad, status == IoStatus::kFailed
                                      ? failureWords(*stream_)
                                      : "the backend closed the connection during the handshake");
}

void Probe::opened() {
  opened_ = true;
  if (auto dialog = healthDialogOf(*service_, address_, host_)) {
    exchange_ = std::make_unique<HealthExchange>(worker_.pool, std::move(dialog));
    phase_ = Phase::kDialog;
    return;
  }
  const IoStatus sent = stream_->flush();  // the PROXY header
  if (sent == IoStatus::kBlocked) return wait(true);
  if (sent == IoStatus::kOk) return judge(ProbeResult::State::kGood, presented());
  judge(ProbeResult::State::kBad, "the backend reset the connection");
}

void Probe::stepDialog() {
  const HealthVerdict verdict = exchange_->step(*stream_);
  switch (verdict.state) {
    case HealthVerdict::State::kMore:
      return wait(exchange_->wantsWrite(*stream_));
    case HealthVerdict::State::kOk:
      return judge(ProbeResult::State::kGood, verdict.words);
    case HealthVerdict::State::kFailed:
      return judge(ProbeResult::State::kBad, verdict.words);
  }
}

/// Waits for the backend's end, so that neither side resets the connection.
void Probe::stepClosing() {
  if (exchange_) exchange_->flush(*stream_);
  if (!exchange_ || !exchange_->wantsWrite(*stream_)) {
    const IoStatus sent = stream_->shutdownWrite();
    if (sent == IoStatus::kReset || sent == IoStatus::kFailed) return end();
  }
  const IoResult rest = stream_->discardInput(kMostDiscarded);
  discarded_ += rest.bytes;
  if (rest.status != IoStatus::kBlocked || discarded_ >= kMostDiscarded) return end();
  wait(stream_->backlog() != 0 || (exchange_ && exchange_->wantsWrite(*stream_)));
}

/// Reports the verdict, and begins to close a connection that stands.
void Probe::judge(ProbeResult::State state, std::string words) {
  if (std::exchange(judged_, true)) return;
  phase_ = Phase::kClosing;
  if (owner_ != nullptr) owner_->onVerdict({state, printable(words, 500)});
}

void Probe::expire() {
  if (phase_ == Phase::kEnded) return;
  if (!judged_)
    judge(ProbeResult::State::kBad,
          fmt::format("no answer within {}: {}", formatDuration(service_->health.timeout.count()),
                      progress()));
  end();
}

void Probe::cancel() {
  owner_ = nullptr;
  end();
}

void Probe::end() {
  if (phase_ == Phase::kEnded) return;
  phase_ = Phase::kEnded;
  if (watcher_) watcher_->watch(false, false);
  if (stream_) stream_->watch(false, false);
  if (owner_ != nullptr) owner_->onClosed();
}

void Probe::wait(bool writes) { stream_->watch(true, writes); }

std::string Probe::progress() const {
  switch (phase_) {
    case Phase::kConnecting:
      return "connecting";
    case Phase::kOpening:
      return stream_->handshakeProgress();
    case Phase::kDialog:
      return exchange_->progress();
    case Phase::kClosing:
    case Phase::kEnded:
      break;
  }
  return {};
}

/// What a check without a dialog has seen.
std::string Probe::presented() const {
  if (tls_ == nullptr || !tls_->established()) return "connected";
  const TlsFacts facts = tls_->facts();
  return fmt::format("connected, {}, {}", facts.version, facts.suite);
}

}  // namespace culvert
