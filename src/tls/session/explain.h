// SPDX-License-Identifier: GPL-3.0-or-later
// Explains failed handshakes and sessions: which side refused, why, and the close cause for the
// log. Thread: any.
#pragma once

#include <cstdint>
#include <string>

#include "net/close_reason.h"
#include "tls/endpoint/hello_check.h"
#include "tls/hello/hello_gatherer.h"
#include "tls/session/wolf_alert.h"

namespace culvert {

/// How a handshake failed, for the counters.
enum class HandshakeFailure : uint8_t {
  kNone,
  kAlert,
  kBadHello,
  kNoCommon,
  kClientAuth,
  kClosed,
  kOther
};

/// Returns the close reason for an alert that culvert sent (or would have sent), with the text
/// `why`.
CloseReason alertSent(uint8_t alert, std::string why);
/// Returns why a handshake failed.
CloseReason explainHandshakeFailure(int wolfError, const AlertsSeen& alerts);
/// Returns why the first bytes of a client did not yield a ClientHello.
CloseReason explainHello(const HelloResult& result);
/// Returns why judgeHello() refused a ClientHello.
CloseReason explainVerdict(const HelloVerdict& verdict);
/// Returns why an established session ended with an error.
CloseReason explainSessionFailure(int wolfError, const AlertsSeen& alerts);

}  // namespace culvert
