// SPDX-License-Identifier: GPL-3.0-or-later
// Words for what happens in TLS: causes for the log's closed list, sentences for a person, the
// alert that ought to be sent for an error, and the facts of an established session. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tls/client_hello.h"
#include "tls/hello_check.h"
#include "tls/hello_gatherer.h"
#include "tls/tls_context.h"
#include "tls/wolf_alert.h"

namespace culvert {

/// A short stable name of a wolfSSL error ("record-mac", "no-common-suite", ...), for
/// `cause=tls-error:<name>`.
std::string_view tlsErrorName(int wolfError);
/// A sentence for it, ours where we have one, else the library's words and number.
std::string tlsErrorText(int wolfError);

/// The fatal alert that RFC 8446 6.2 asks for after this error, or nothing where none must be sent
/// (want-read, peer gone).
std::optional<uint8_t> alertForError(int wolfError);

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

/// What was negotiated.
struct TlsFacts {
  std::string version;  ///< "TLSv1.3"
  std::string suite;    ///< IANA name
  std::string group;    ///< "X25519MLKEM768"; empty where none was used or the library forgot it
  std::string alpn;     ///< empty: none
  bool resumed = false;
};
/// Any time after the handshake; in a library with the OpenSSL layer the protocol is forgotten once
/// both sides have sent close_notify.
TlsFacts describeSession(WOLFSSL* ssl);

/// Forgetting to resume is no error: whether this error of a read means "nothing there yet", clean
/// end, ...
enum class TlsEvent : uint8_t { kWantRead, kWantWrite, kCleanEnd, kTruncated, kReset, kFailed };
TlsEvent classifyError(int wolfError);

}  // namespace culvert
