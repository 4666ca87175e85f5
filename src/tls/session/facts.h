// SPDX-License-Identifier: GPL-3.0-or-later
// The facts of an established session, for the log and the PROXY header. Thread: any.
#pragma once

#include <string>

#include "tls/library/wolfssl.h"

namespace culvert {

/// The negotiated parameters of a session.
struct TlsFacts {
  std::string version;  ///< "TLSv1.3"
  std::string suite;    ///< IANA name
  std::string group;    ///< "X25519MLKEM768"; empty: no key exchange, or wolfSSL does not report it
  std::string alpn;     ///< empty: none
  bool resumed = false;
};
/// May be called at any time after the handshake. A wolfSSL build with the OpenSSL layer forgets
/// the ALPN protocol once the client and culvert have both sent close_notify.
TlsFacts describeSession(WOLFSSL* ssl);

}  // namespace culvert
