// SPDX-License-Identifier: GPL-3.0-or-later
// See opening_stream.h.
#include "tls/session/opening_stream.h"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "base/bytes.h"
#include "net/plain_stream.h"
#include "tls/protocol/alert_number.h"

namespace culvert {
namespace {

constexpr size_t kReceive = 4096;
// The most that the dialogs answer to one piece of the peer's bytes: Dialog::kMostCommands lists.
constexpr size_t kToPeer = 384 * 1024;

}  // namespace

OpeningStream::OpeningStream(TlsWorker& worker, UniqueFd fd, OpeningParts parts)
    : SocketStream(worker.loop, std::move(fd)),
      worker_(worker),
      parts_(std::move(parts)),
      held_(std::move(parts_.early)),
      toPeer_(worker.pool, kToPeer),
      memory_(worker.pool.memory(), MemoryUse::kHandshakes, kMemory),
      stage_(parts_.proxy ? Stage::kProxy : Stage::kDialog),
      heard_(!held_.empty()) {}

OpeningStream::~OpeningStream() = default;

void OpeningStream::renew(const std::shared_ptr<const TlsEndpoint>& newest) {
  if (parts_.server) parts_.server = newest;
}

OpeningPhase OpeningStream::phase() const {
  switch (stage_) {
    case Stage::kProxy:
    case Stage::kTls:
      return OpeningPhase::kHandshake;
    case Stage::kDialog:
      return parts_.dialog && parts_.dialog->needsFar() ? OpeningPhase::kDialog
                                                        : OpeningPhase::kHandshake;
    case Stage::kSettling:
      return OpeningPhase::kSettling;
    case Stage::kDone:
      break;
  }
  return quiet() ? OpeningPhase::kDone : OpeningPhase::kSettling;
}

std::unique_ptr<ByteStream> OpeningStream::successor() {
  if (phase() != OpeningPhase::kDone) return nullptr;
  if (tls_) return std::move(tls_);
  return std::make_unique<PlainStream>(worker_.loop, release());
}

/// Runs the opening as far as it goes without the far side.
IoStatus OpeningStream::handshake() {
  if (failure_) return IoStatus::kFailed;
  if (const IoStatus status = begin(); status != IoStatus::kOk) return status;
  for (;;) {
    if (stage_ == Stage::kTls) return driveTls();
    if (phase() != OpeningPhase::kHandshake)
      return flush() == IoStatus::kReset ? IoStatus::kReset : IoStatus::kOk;
    if (const IoStatus sent = flush(); sent != IoStatus::kOk) return sent;
    const Stage before = stage_;
    const size_t held = held_.size();
    const IoStatus status = stage_ == Stage::kProxy ? runProxy() : runDialog();
    if (status != IoStatus::kOk) return status;
    if (stage_ != before || held_.size() != held || backlog() != 0) continue;
    const IoStatus received = receivePlain(kReceive);
    if (received == IoStatus::kEof) return leftEarly();
    if (received != IoStatus::kOk) return received;
  }
}

/// Starts the first machine, once.
IoStatus OpeningStream::begin() {
  if (std::exchange(begun_, true)) return IoStatus::kOk;
  if (!parts_.proxy) return behindProxy();
  parts_.proxy->begin(out_.toPeer);
  keep(out_.toPeer);
  return IoStatus::kOk;
}

IoStatus OpeningStream::runProxy() {
  if (held_.empty()) return IoStatus::kOk;
  const ProxyStep step = parts_.proxy->fromProxy(held_, out_.toPeer);
  keep(out_.toPeer);
  switch (step.next) {
    case ProxyStep::Next::kMore:
      held_.clear();
      return IoStatus::kOk;
    case ProxyStep::Next::kFailed:
      return fail({CloseCause::kBackendUnreachable, "", "by via: " + step.detail});
    case ProxyStep::Next::kDone:
      break;
  }
  held_.erase(held_.begin(), held_.begin() + static_cast<ptrdiff_t>(step.consumed));
  parts_.proxy.reset();
  return behindProxy();
}

/// The connection to the peer stands: sends the PROXY header, and starts the dialog, or TLS.
IoStatus OpeningStream::behindProxy() {
  stage_ = Stage::kDialog;
  keep(parts_.preface);
  parts_.preface = {};
  if (parts_.dialog) return take(parts_.dialog->begin(out_));
  if (parts_.server || parts_.client || parts_.choose) return takeTls(false);
  passOn();
  return IoStatus::kOk;
}

/// The opening is done: all bytes pass unchanged from now on.
void OpeningStream::passOn() {
  stage_ = Stage::kDone;
  toFar_.append(asText(held_));
  held_ = {};
  if (!farHeld_.empty() && !toPeer_.append(farHeld_)) throw std::bad_alloc();
  farHeld_ = {};
}

/// Gives the dialog the bytes of both sides, the peer's first, until it uses no more of them.
IoStatus OpeningStream::runDialog() {
  for (bool moved = true; moved && dialogs();) {
    moved = false;
    while (dialogs() && !held_.empty()) {
      const DialogStep step = parts_.dialog->fromPeer(held_, out_);
      held_.erase(held_.begin(), held_.begin() + static_cast<ptrdiff_t>(step.consumed));
      if (const IoStatus status = take(step); status != IoStatus::kOk) return status;
      if (step.consumed == 0) break;
      moved = true;
    }
    while (dialogs() && !farHeld_.empty()) {
      const DialogStep step = parts_.dialog->fromFar(farHeld_, out_);
      farHeld_.erase(farHeld_.begin(), farHeld_.begin() + static_cast<ptrdiff_t>(step.consumed));
      if (const IoStatus status = take(step); status != IoStatus::kOk) return status;
      if (step.consumed == 0) break;
      moved = true;
    }
  }
  return IoStatus::kOk;
}

IoStatus OpeningStream::take(const DialogStep& step) {
  keep(out_.toPeer);
  toFar_ += std::exchange(out_.toFar, {});
  switch (step.next) {
    case DialogStep::Next::kMore:
      return IoStatus::kOk;
    case DialogStep::Next::kStartTls:
      return takeTls(step.restIsTls);
    case DialogStep::Next::kDirect:
      return takeTls(true);
    case DialogStep::Next::kPlain:
    case DialogStep::Next::kSettled:
      parts_.dialog.reset();
      passOn();
      return IoStatus::kOk;
    case DialogStep::Next::kEnd:
      ended_ = true;
      if (phase() == OpeningPhase::kHandshake)
        return fail({parts_.isBackend ? CloseCause::kBackendFin : CloseCause::kClientFin, "",
                     "said goodbye before TLS"});
      return IoStatus::kOk;
    case DialogStep::Next::kFail:
      return fail({CloseCause::kStartTls, std::string(dialogFaultName(step.fault)), step.detail});
  }
  return IoStatus::kOk;
}

IoStatus OpeningStream::takeTls(bool restIsTls) {
  // The dialogs refuse early data themselves. These bytes came behind a proxy's answer.
  if (!restIsTls && !held_.empty())
    return fail({CloseCause::kStartTls, std::string(dialogFaultName(DialogFault::kEarlyData)),
                 "bytes arrived before TLS"});
  stage_ = Stage::kTls;
  return IoStatus::kOk;
}

/// Continues the TLS handshake. It begins when the last plain byte has left.
IoStatus OpeningStream::driveTls() {
  if (!tls_) {
    if (const IoStatus sent = flush(); sent != IoStatus::kOk) return sent;
    if (parts_.choose) return chooseEndpoint();
    if (parts_.server)
      tls_ = std::make_unique<TlsStream>(worker_, release(), std::move(parts_.server),
                                         std::exchange(held_, {}));
    else
      tls_ = std::make_unique<TlsStream>(worker_, release(), std::move(*parts_.client));
    tls_->setObserver(observer_);
    if (onTls) onTls(*tls_);
  }
  if (const IoStatus status = tls_->handshake(); status != IoStatus::kOk) return status;
  stage_ = parts_.dialog ? Stage::kSettling : Stage::kDone;
  if (parts_.dialog)
    if (const IoStatus status = take(parts_.dialog->onSecure(out_)); status != IoStatus::kOk)
      return status;
  const IoStatus sent = flush();
  return sent == IoStatus::kBlocked ? IoStatus::kOk : sent;
}

/// Gathers the ClientHello and asks for the endpoint. A hello that cannot be read gets its alert.
IoStatus OpeningStream::chooseEndpoint() {
  for (;;) {
    ClientHello hello;
    const HelloResult result = hello_.feed(held_, hello);
    if (result.status == HelloStatus::kNeedMore) {
      const IoStatus received = receivePlain(kReceive);
      if (received == IoStatus::kEof) return leftEarly();
      if (received != IoStatus::kOk) return received;
      continue;
    }
    ChosenEndpoint chosen;
    if (result.status == HelloStatus::kComplete)
      chosen = parts_.choose(hello);
    else
      chosen = {.endpoint = nullptr, .alert = result.alert, .reason = explainHello(result)};
    if (chosen.endpoint != nullptr) {
      parts_.server = std::move(chosen.endpoint);
      parts_.choose = nullptr;
      return IoStatus::kBlocked;
    }
    const IoResult sent = transmit(fatalAlertRecord(chosen.alert));
    const IoStatus failed = fail(std::move(chosen.reason));
    return sent.status == IoStatus::kReset ? IoStatus::kReset : failed;
  }
}

std::string OpeningStream::handshakeProgress() const {
  if (tls_) return tls_->handshakeProgress();
  if (parts_.proxy) return parts_.proxy->progress();
  return parts_.dialog ? parts_.dialog->progress() : std::string();
}

IoStatus OpeningStream::receivePlain(size_t limit) {
  std::array<uint8_t, kReceive> scratch;
  const IoResult r = receive(std::span(scratch).first(std::min(limit, scratch.size())));
  if (r.status != IoStatus::kOk) return r.status;
  heard_ = true;
  held_.insert(held_.end(), scratch.begin(), scratch.begin() + static_cast<ptrdiff_t>(r.bytes));
  return IoStatus::kOk;
}

/// Receives some bytes of the peer into held_, decrypted if TLS stands.
IoStatus OpeningStream::receiveMore() {
  if (held_.size() >= kMostHeld) return IoStatus::kBlocked;
  if (!tls_) return receivePlain(kReceive);
  RingBuffer opened(worker_.pool, 2 * kReadUnit);
  const IoResult r = tls_->read(opened, kReadUnit);
  const std::span<const uint8_t> bytes = opened.readable();
  held_.insert(held_.end(), bytes.begin(), bytes.end());
  return r.status;
}

IoStatus OpeningStream::leftEarly() const {
  return heard_ || parts_.isBackend ? IoStatus::kTruncated : IoStatus::kEof;
}

IoResult OpeningStream::read(RingBuffer& into, size_t limit) {
  size_t moved = 0;
  const IoStatus rest = moveToFar(into, limit, moved);
  if (rest != IoStatus::kOk || !toFar_.empty()) return {rest, moved};
  if (failure_) return {IoStatus::kFailed, moved};
  if (ended_) return {IoStatus::kEof, moved};
  if (dialogs()) return readDialog(into, limit, moved);
  if (stage_ != Stage::kDone) return {moved != 0 ? IoStatus::kOk : IoStatus::kBlocked, moved};
  if (limit - moved < kReadUnit) return {IoStatus::kOk, moved};
  IoResult r;
  if (tls_) {
    r = tls_->read(into, limit - moved);
  } else {
    const std::span<uint8_t> free = into.writable();
    r = receive(free.first(std::min(free.size(), limit - moved)));
    into.commit(r.bytes);
  }
  return {r.status, moved + r.bytes};
}

IoResult OpeningStream::readDialog(RingBuffer& into, size_t limit, size_t moved) {
  IoStatus status = begin();
  if (status == IoStatus::kOk) status = runDialog();
  IoStatus received = IoStatus::kOk;
  if (status == IoStatus::kOk && dialogs() && !ended_) {
    received = receiveMore();
    status = runDialog();
  }
  const IoStatus sent = flush();
  if (const IoStatus kept = moveToFar(into, limit - moved, moved); kept != IoStatus::kOk)
    return {kept, moved};
  if (status != IoStatus::kOk) return {status, moved};
  if (sent == IoStatus::kFailed) return {sent, moved};
  // The end of the peer's direction counts when all of its bytes have been used.
  if (received != IoStatus::kOk && received != IoStatus::kBlocked && toFar_.empty())
    return {received, moved};
  return {IoStatus::kOk, moved};
}

IoStatus OpeningStream::moveToFar(RingBuffer& into, size_t limit, size_t& moved) {
  const size_t part = std::min({toFar_.size(), limit, into.room()});
  if (part == 0) return IoStatus::kOk;
  if (!into.append(asBytes(std::string_view(toFar_).substr(0, part)))) throw std::bad_alloc();
  toFar_.erase(0, part);
  moved += part;
  return IoStatus::kOk;
}

IoResult OpeningStream::write(RingBuffer& from) {
  if (failure_) return {IoStatus::kFailed, 0};
  if (const IoStatus status = begin(); status != IoStatus::kOk) return {status, 0};
  if (const IoStatus sent = flush(); sent != IoStatus::kOk) return {sent, 0};
  if (stage_ == Stage::kDone) {
    if (tls_) return tls_->write(from);
    const std::span<const uint8_t> bytes = from.readable();
    const IoResult r = transmit(bytes);
    from.consume(r.bytes);
    return {r.status == IoStatus::kOk && !from.empty() ? IoStatus::kBlocked : r.status, r.bytes};
  }
  size_t total = 0;
  while (dialogs() && !from.empty() && backlog() == 0 && farHeld_.size() < kMostHeld) {
    const std::span<const uint8_t> bytes = from.readable();
    const size_t part = std::min(bytes.size(), kMostHeld - farHeld_.size());
    farHeld_.insert(farHeld_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(part));
    from.consume(part);
    total += part;
    const IoStatus status = runDialog();
    const IoStatus sent = flush();
    if (status != IoStatus::kOk) return {status, total};
    if (sent == IoStatus::kReset || sent == IoStatus::kFailed) return {sent, total};
  }
  return {from.empty() ? IoStatus::kOk : IoStatus::kBlocked, total};
}

IoStatus OpeningStream::flush() {
  while (!toPeer_.empty()) {
    if (tls_) {
      const IoResult r = tls_->write(toPeer_);
      if (r.status != IoStatus::kOk) return r.status;
      continue;
    }
    const IoResult r = transmit(toPeer_.readable());
    toPeer_.consume(r.bytes);
    if (r.status == IoStatus::kReset) toPeer_.clear();
    if (r.status != IoStatus::kOk) return r.status;
  }
  // The end waits until TLS stands: the peer could not answer a handshake behind a FIN.
  const bool failed = failure_ || (tls_ && tls_->failure());
  const bool mayFinish = phase() != OpeningPhase::kHandshake || failed;
  if (finishWanted_ && !finished_ && mayFinish && farHeld_.empty()) {
    finished_ = true;
    return tls_ ? tls_->shutdownWrite() : finish();
  }
  return tls_ && (stage_ != Stage::kTls || failed) ? tls_->flush() : IoStatus::kOk;
}

size_t OpeningStream::backlog() const { return toPeer_.size() + (tls_ ? tls_->backlog() : 0); }

uint64_t OpeningStream::transmitted() const {
  return SocketStream::transmitted() + (tls_ ? tls_->transmitted() : 0);
}

IoStatus OpeningStream::shutdownWrite() {
  if (stage_ == Stage::kTls && tls_ && tls_->failure()) return tls_->shutdownWrite();
  finishWanted_ = true;
  return flush();
}

size_t OpeningStream::unacknowledged() const {
  const size_t own = toPeer_.size() + farHeld_.size();
  return own + (tls_ ? tls_->unacknowledged() : SocketStream::unacknowledged() - toPeer_.size());
}

bool OpeningStream::hungUp() const { return tls_ ? tls_->hungUp() : SocketStream::hungUp(); }

void OpeningStream::abort() {
  SocketStream::abort();
  if (tls_) tls_->abort();
}

IoResult OpeningStream::discardInput(size_t limit) {
  return tls_ ? tls_->discardInput(limit) : SocketStream::discardInput(limit);
}

void OpeningStream::watch(bool readable, bool writable) {
  const bool room = !dialogs() || (held_.size() < kMostHeld && toFar_.empty());
  if (tls_)
    tls_->watch(readable && room, writable);
  else
    SocketStream::watch(readable && room, writable);
}

std::optional<CloseReason> OpeningStream::failure() const {
  if (failure_) return *failure_;
  return tls_ ? tls_->failure() : std::nullopt;
}

IoStatus OpeningStream::fail(CloseReason reason) {
  farHeld_ = {};
  failure_ = std::make_unique<const CloseReason>(std::move(reason));
  return IoStatus::kFailed;
}

/// Moves plain bytes for the peer to toPeer_, and wipes them: they may contain credentials.
void OpeningStream::keep(std::string& text) {
  if (text.empty()) return;
  const bool kept = toPeer_.append(asBytes(text));
  wipeText(text);
  if (!kept) throw std::bad_alloc();
}

}  // namespace culvert
