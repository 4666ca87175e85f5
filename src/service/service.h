// SPDX-License-Identifier: GPL-3.0-or-later
// One [service] as the data path sees it: no configuration, only small frozen option sets. A tunnel
// holds the profile for its life and lets go of the TLS settings once its handshake is done.
// Thread: frozen.
#pragma once

#include <memory>
#include <string>

#include "backend/connector.h"
#include "base/choices.h"
#include "tls/endpoint/credential_set.h"
#include "tunnel/tunnel.h"

namespace culvert {

struct ServiceProfile {
  std::string name;
  std::shared_ptr<const TunnelOptions> tunnel;
  ConnectorOptions connect;
  ProxyVersion proxy = ProxyVersion::kOff;
  bool keepRevoked = false;  ///< on-revoked = keep
};

/// Whence the OCSP responses of its certificates come.
struct StaplePolicy {
  StapleMode mode = StapleMode::kOff;
  std::string responder;  ///< http:// address; empty: the certificate's
};

struct Service {
  std::shared_ptr<const ServiceProfile> profile;
  std::shared_ptr<const TlsEndpoint> tls;
  StaplePolicy staple;
};

/// A connection on its way from the acceptor to a worker: whoever holds it closes it.
struct AcceptedConn {
  UniqueFd fd;
  SocketAddress peer;
  std::shared_ptr<const Service> service;  // of the listener, at the moment of the accept
  TimePoint accepted{};
};

}  // namespace culvert
