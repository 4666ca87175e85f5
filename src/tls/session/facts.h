// SPDX-License-Identifier: GPL-3.0-or-later
// The negotiated parameters of an established session, for the log and the PROXY header. Thread:
// any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

struct WOLFSSL;

namespace culvert {

/// What client and server negotiated in the handshake.
struct TlsFacts {
  std::string version;  ///< for example "TLSv1.3"
  std::string suite;    ///< IANA name
  std::string group;    ///< "X25519MLKEM768"; empty if none or not known
  std::string alpn;     ///< empty if no protocol was negotiated
  bool resumed = false;
};

/// The same as a few bytes, which a tunnel keeps as long as it lives.
struct Negotiated {
  uint16_t version = 0;  ///< 0: the handshake is not done
  uint16_t suite = 0;
  bool resumed = false;
  const char* group = nullptr;              ///< wolfSSL's name, a string that is never freed
  std::shared_ptr<const std::string> alpn;  ///< nullptr if no protocol was negotiated

  /// The number of `group`, or 0.
  uint16_t groupNumber() const;

  TlsFacts describe() const;
};
/// Reads the parameters of the session of `ssl`, whose handshake is done.
Negotiated readNegotiated(WOLFSSL* ssl);

}  // namespace culvert
