// SPDX-License-Identifier: GPL-3.0-or-later
// See tls_stream.h.
#include "tls/session/tls_stream.h"

#include <algorithm>
#include <ctime>
#include <utility>
#include <vector>

#include "tls/session/client_handshake.h"
#include "tls/session/server_handshake.h"

namespace culvert {

TlsStream::TlsStream(TlsWorker& worker, UniqueFd fd, std::shared_ptr<const TlsEndpoint> endpoint,
                     std::vector<uint8_t> early)
    : TlsTransport(worker, std::move(fd), TlsPeer::kClient),
      handshake_(std::make_unique<ServerHandshake>(*this, std::move(endpoint), std::move(early))) {}

TlsStream::TlsStream(TlsWorker& worker, UniqueFd fd, BackendPeer backend,
                     const std::string& preface)
    : TlsTransport(worker, std::move(fd), TlsPeer::kBackend),
      handshake_(std::make_unique<ClientHandshake>(*this, std::move(backend))) {
  sendFirst(preface);
}

TlsStream::~TlsStream() = default;

IoStatus TlsStream::handshake() {
  const OutputGuard guard{*this};
  if (failed_) return IoStatus::kFailed;
  if (!handshake_) return IoStatus::kOk;
  const IoStatus status = handshake_->step();
  if (status == IoStatus::kOk) {
    records_ = handshake_->takeRecords();
    handshake_.reset();
  }
  return status;
}

std::string TlsStream::handshakeProgress() const {
  return handshake_ ? handshake_->progress() : std::string();
}

std::optional<CloseReason> TlsStream::handshakeDelay() const {
  return handshake_ ? handshake_->delay() : std::nullopt;
}

void TlsStream::setTurn(std::unique_ptr<HandshakeTurn> turn) {
  if (handshake_ && turn) handshake_->setTurn(std::move(turn));
}

HandshakeFailure TlsStream::handshakeFailure() const {
  return handshake_ ? handshake_->failure() : HandshakeFailure::kNone;
}

PeerVerdict TlsStream::applyTrust(const std::shared_ptr<const TlsEndpoint>& newest) {
  if (failed_) return {};
  if (handshake_) return handshake_->applyTrust(newest);
  const auto& auth = newest->settings->peerAuth;
  if (auth == nullptr || !context_.proof) return {};
  return context_.proof->judgeAgain(PeerVerifier(auth), std::time(nullptr));
}

IoResult TlsStream::read(RingBuffer& into, size_t limit) {
  const OutputGuard guard{*this};
  if (failed_) return {IoStatus::kFailed, 0};
  const IoResult result = receiveRecords(into, limit);
  if (answer() == IoStatus::kFailed || sendOutput() == IoStatus::kFailed)
    return {IoStatus::kFailed, result.bytes};
  return result;
}

IoResult TlsStream::receiveRecords(RingBuffer& into, size_t limit) {
  if (!carried_.empty()) {
    std::vector<uint8_t> carried = std::exchange(carried_, {});
    return records_->read(0, carried, into);
  }
  // Receive no more ciphertext than `limit` allows plaintext.
  const size_t wanted = std::min(records_->receivable(limit), TlsWorker::kScratch);
  if (wanted == 0) return {IoStatus::kBlocked, 0};
  const std::span<uint8_t> missing = records_->missing();
  const size_t most = std::min(wanted, missing.size());
  const std::span<uint8_t> scratch{worker_.input.get(), wanted - most};
  const IoResult r = missing.empty() ? receive(scratch) : receive(missing.first(most), scratch);
  if (r.status == IoStatus::kEof) return {IoStatus::kTruncated, 0};
  if (r.status != IoStatus::kOk) return {r.status, 0};
  const size_t filled = std::min(r.bytes, most);
  return records_->read(filled, scratch.first(r.bytes - filled), into);
}

/// Answers a request of the peer, unless earlier output still waits. A peer that reads nothing
/// gets one answer.
IoStatus TlsStream::answer() {
  if (failed_ || !records_ || backlog() != 0) return IoStatus::kOk;
  return records_->answer();
}

IoStatus TlsStream::flush() {
  const OutputGuard guard{*this};
  const IoStatus status = sendOutput();
  if (status != IoStatus::kOk || answer() == IoStatus::kFailed) return status;
  return sendOutput();
}

IoResult TlsStream::write(RingBuffer& from) {
  const OutputGuard guard{*this};
  if (failed_) return {IoStatus::kFailed, 0};
  if (backlog() != 0) {
    const IoStatus status = sendOutput();
    if (status != IoStatus::kOk) return {status, 0};
  }
  releaseHeld();
  const IoResult sealed = records_->write(from, writeUnit());
  const IoStatus status = sendOutput();
  if (sealed.status != IoStatus::kOk) return sealed;
  if (status != IoStatus::kOk) return {status, sealed.bytes};
  return {from.empty() ? IoStatus::kOk : IoStatus::kBlocked, sealed.bytes};
}

IoStatus TlsStream::shutdownWrite() {
  const OutputGuard guard{*this};
  // After a fatal alert the TLS session is closed (RFC 8446 6.2), so culvert closes only the TCP
  // connection and sends no close_notify.
  if (!failed_ && established_ && !notifySent_) {
    notifySent_ = true;
    releaseHeld();
    if (!records_->closeNotify()) return failForMemory();
  }
  finishWanted_ = true;
  return sendOutput();
}

}  // namespace culvert
