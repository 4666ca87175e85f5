// SPDX-License-Identifier: GPL-3.0-or-later
// See passthrough_stream.h.
#include "tls/session/passthrough_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tls/protocol/alert_number.h"

namespace culvert {
namespace {

// The hello has to fit into the smallest FIFO (32 KiB) at once, with what one call receives.
constexpr size_t kLongestHeld = 24 * 1024;

}  // namespace

IoStatus PassthroughStream::handshake() {
  if (failure_) return IoStatus::kFailed;
  if (gathered_) return IoStatus::kOk;
  std::array<uint8_t, 4096> scratch;
  const IoResult r = receive(scratch);
  if (r.status == IoStatus::kBlocked) return IoStatus::kBlocked;
  if (r.status != IoStatus::kOk) {
    if (held_.empty()) return IoStatus::kEof;
    failureKind_ = HandshakeFailure::kClosed;
    return r.status == IoStatus::kEof ? IoStatus::kTruncated : r.status;
  }
  held_.insert(held_.end(), scratch.begin(), scratch.begin() + static_cast<ptrdiff_t>(r.bytes));
  ClientHello hello;
  const HelloResult result = gatherer_.feed(held_, hello);
  switch (result.status) {
    case HelloStatus::kNeedMore:
      if (held_.size() <= kLongestHeld) return IoStatus::kBlocked;
      return refuse({.status = HelloStatus::kMalformed,
                     .alert = Alert::decode_error,
                     .reason = "the ClientHello is longer than 24 KiB"});
    case HelloStatus::kNotTls:
    case HelloStatus::kMalformed:
      return refuse(result);
    case HelloStatus::kComplete:
      break;
  }
  serverName_ = hello.serverName;
  gatherer_.forget();
  gathered_ = true;
  return IoStatus::kOk;
}

IoStatus PassthroughStream::refuse(const HelloResult& result) {
  failureKind_ = HandshakeFailure::kBadHello;
  failure_ = std::make_unique<const CloseReason>(explainHello(result));
  held_ = {};
  const IoResult sent = transmit(fatalAlertRecord(result.alert));
  return sent.status == IoStatus::kReset ? IoStatus::kReset : IoStatus::kFailed;
}

std::string PassthroughStream::handshakeProgress() const {
  if (gathered_) return {};
  if (held_.empty())
    return "the client sent nothing: it may be waiting for a greeting, as STARTTLS clients do";
  return fmt::format("the client sent {} byte{} of a ClientHello and no more", held_.size(),
                     held_.size() == 1 ? "" : "s");
}

IoResult PassthroughStream::read(RingBuffer& into, size_t limit) {
  if (held_.empty()) return PlainStream::read(into, limit);
  const size_t part = std::min({held_.size(), limit, into.room()});
  if (!into.append(std::span<const uint8_t>(held_).first(part)))
    return {into.outOfMemory() ? IoStatus::kFailed : IoStatus::kBlocked, 0};
  held_.erase(held_.begin(), held_.begin() + static_cast<ptrdiff_t>(part));
  if (held_.empty()) held_ = {};
  return {IoStatus::kOk, part};
}

std::optional<CloseReason> PassthroughStream::failure() const {
  if (failure_) return *failure_;
  return std::nullopt;
}

}  // namespace culvert
