// SPDX-License-Identifier: GPL-3.0-or-later
// Explains failures: who refused what, why, and the close cause for the log. Thread: any.
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

/// A close reason with the alert that culvert sent, or would have sent, and `why`.
CloseReason alertSent(uint8_t alert, std::string why);
/// Why a handshake failed.
CloseReason explainHandshakeFailure(int wolfError, const AlertsSeen& alerts);
/// Why the first bytes did not yield a ClientHello.
CloseReason explainHello(const HelloResult& result);
/// Why judgeHello() refused.
CloseReason explainVerdict(const HelloVerdict& verdict);
/// Why an established session ended with an error.
CloseReason explainSessionFailure(int wolfError, const AlertsSeen& alerts);

}  // namespace culvert
