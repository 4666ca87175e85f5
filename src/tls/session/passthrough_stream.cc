// SPDX-License-Identifier: GPL-3.0-or-later
// See passthrough_stream.h.
#include "tls/session/passthrough_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tls/protocol/alert_number.h"

namespace culvert {
IoStatus PassthroughStream::handshake() {
  if (failure_) return IoStatus::kFailed;
  if (gathered_) return IoStatus::kOk;
  if (!held_.empty()) {
    const IoStatus status = judge();  // bytes that were received before
    if (status != IoStatus::kBlocked) return status;
  }
  std::array<uint8_t, 4096> scratch;
  const IoResult r = receive(scratch);
  if (r.status == IoStatus::kBlocked) return IoStatus::kBlocked;
  if (r.status != IoStatus::kOk) {
    if (held_.empty()) return IoStatus::kEof;
    failureKind_ = HandshakeFailure::kClosed;
    return r.status == IoStatus::kEof ? IoStatus::kTruncated : r.status;
  }
  held_.insert(held_.end(), scratch.begin(), scratch.begin() + static_cast<ptrdiff_t>(r.bytes));
  return judge();
}

IoStatus PassthroughStream::judge() {
  memory_.resize(2 * held_.capacity());  // the gatherer keeps a copy of a split hello
  ClientHello hello;
  const HelloResult result = gatherer_.feed(held_, hello);
  switch (result.status) {
    case HelloStatus::kNeedMore:
      return IoStatus::kBlocked;
    case HelloStatus::kNotTls:
    case HelloStatus::kMalformed:
      return refuse(result);
    case HelloStatus::kComplete:
      break;
  }
  serverName_ = hello.serverName;
  gatherer_.forget();
  gathered_ = true;
  incomplete_ = false;
  return IoStatus::kOk;
}

IoStatus PassthroughStream::refuse(const HelloResult& result) {
  failureKind_ = HandshakeFailure::kBadHello;
  failure_ = std::make_unique<const CloseReason>(explainHello(result));
  held_ = {};
  memory_.resize(0);
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

std::optional<CloseReason> PassthroughStream::failure() const {
  if (failure_) return *failure_;
  return std::nullopt;
}

}  // namespace culvert
