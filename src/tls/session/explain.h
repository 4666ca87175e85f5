// SPDX-License-Identifier: GPL-3.0-or-later
// Sentences about failures: who refused, what, and why, and the cause in the log's closed list.
// Thread: any.
#pragma once

#include <cstdint>
#include <string>

#include "tls/endpoint/hello_check.h"
#include "tls/hello/hello_gatherer.h"
#include "tls/session/wolf_alert.h"

namespace culvert {

struct TlsFailure {
  std::string cause;   ///< "tls-sent:<alert>", "tls-received:<alert>" or "tls-error:<name>"
  std::string reason;  ///< one sentence
};

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

/// Why a handshake failed.
TlsFailure explainHandshakeFailure(int wolfError, const AlertsSeen& alerts);
/// Why no hello came out of the first bytes.
TlsFailure explainHello(const HelloResult& result);
/// Why judgeHello() refused.
TlsFailure explainVerdict(const HelloVerdict& verdict);
/// Why an established session ended with an error.
TlsFailure explainSessionFailure(int wolfError, const AlertsSeen& alerts);

}  // namespace culvert
