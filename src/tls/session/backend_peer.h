// SPDX-License-Identifier: GPL-3.0-or-later
// BackendPeer says with which backend a TlsStream opens a session. Thread: loop.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tls/endpoint/backend_tls.h"

namespace culvert {

/// Which backend a session is for.
struct BackendPeer {
  std::shared_ptr<const BackendTls> tls;
  std::string host;               ///< host name or address that the certificate must have
  std::string address;            ///< the address that was dialled, as text
  std::vector<std::string> alpn;  ///< offered protocols; may be empty
};

}  // namespace culvert
