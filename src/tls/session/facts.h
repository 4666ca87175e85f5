// SPDX-License-Identifier: GPL-3.0-or-later
// The facts of an established session, for the log and the PROXY header. Thread: any.
#pragma once

#include <string>

#include "tls/library/wolfssl.h"

namespace culvert {

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

}  // namespace culvert
