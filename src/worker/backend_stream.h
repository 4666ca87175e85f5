// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the backend's end of a tunnel for an established connection: plain, TLS, or with a proxy or a
// dialog before it. Tunnels and --probe use it. Thread: loop.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "service/service.h"
#include "tls/session/opening_stream.h"

namespace culvert {

/// What culvert says of itself in a dialog.
DialogFacts ownFacts();

/// Returns whom culvert expects at `address`, whose configured host is `host`. `agreed` is the
/// protocol that culvert and the client have agreed on (ALPN), or nullptr. Returns nothing with
/// backend-tls = off.
std::optional<BackendPeer> backendPeerOf(const Service& service, const SocketAddress& address,
                                         const std::string& host, const std::string* agreed);

/// The stream, and what it is more than a ByteStream. At most one of the pointers is set.
struct BackendStream {
  std::unique_ptr<ByteStream> stream;
  TlsStream* tls = nullptr;
  OpeningStream* opening = nullptr;  ///< its onTls tells the TLS stream
};
BackendStream makeBackendStream(TlsWorker& worker, UniqueFd fd, const Service& service,
                                std::optional<BackendPeer> peer, std::string preface);

}  // namespace culvert
