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

/// Who the peer of a session is, for the words and the causes.
enum class TlsPeer : uint8_t { kClient, kBackend };

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

// The functions return the causes for a client. causeFor() turns them into those for a backend.

/// Returns the close reason for an alert that culvert sent (or would have sent), with the text
/// `why`.
CloseReason alertSent(uint8_t alert, std::string why);
/// Returns the close reason for an error alert that the peer sent after the handshake.
CloseReason alertReceived(uint8_t alert, TlsPeer peer = TlsPeer::kClient);
/// Returns why a handshake failed.
CloseReason explainHandshakeFailure(int wolfError, const AlertsSeen& alerts,
                                    TlsPeer peer = TlsPeer::kClient);
/// Returns why the first bytes of a client did not yield a ClientHello.
CloseReason explainHello(const HelloResult& result);
/// Returns why judgeHello() refused a ClientHello.
CloseReason explainVerdict(const HelloVerdict& verdict);
/// Returns why an established session ended with an error.
CloseReason explainSessionFailure(int wolfError, const AlertsSeen& alerts,
                                  TlsPeer peer = TlsPeer::kClient);
/// Returns the cause that corresponds to `cause` in a session with `peer`.
CloseCause causeFor(CloseCause cause, TlsPeer peer);

}  // namespace culvert
