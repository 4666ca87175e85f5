// SPDX-License-Identifier: GPL-3.0-or-later
// The negotiated parameters of an established session, for the log and the PROXY header. Thread:
// any.
#pragma once

#include <string>

#include "tls/library/wolfssl.h"

namespace culvert {

/// What client and server negotiated in the handshake.
struct TlsFacts {
  std::string version;  ///< for example "TLSv1.3"
  std::string suite;    ///< IANA name
  std::string group;    ///< "X25519MLKEM768"; empty if none or not known
  std::string alpn;     ///< empty if no protocol was negotiated
  bool resumed = false;
};
/// Describes the session of `ssl`. May be called at any time after the handshake. A wolfSSL build
/// with the OpenSSL layer forgets the ALPN protocol once both sides have sent close_notify.
TlsFacts describeSession(WOLFSSL* ssl);

}  // namespace culvert
