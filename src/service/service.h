// SPDX-License-Identifier: GPL-3.0-or-later
// A Service contains the settings of one [service] that the data path needs, in small frozen sets
// of options. A tunnel keeps the profile until it closes, and the TLS settings until its handshake
// is done. Thread: frozen.
#pragma once

#include <memory>
#include <string>

#include "backend/connector.h"
#include "base/choices.h"
#include "proxy/proxy_dialog.h"
#include "proxy/proxy_url.h"
#include "tls/endpoint/backend_tls.h"
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

/// Where the OCSP responses for a service's certificates come from.
struct StaplePolicy {
  StapleMode mode = StapleMode::kOff;
  std::string responder;  ///< http:// URL; if empty, culvert uses the URL in the certificate
};

/// A proxy through which a service's backend is reached. Frozen.
struct ViaProxy {
  ProxyScheme scheme = ProxyScheme::kHttp;
  std::string host;  ///< of the backend: a name, or an address without brackets
  uint16_t port = 0;
  SharedCredentials credentials;  ///< nullptr: none
};

struct Service {
  std::shared_ptr<const ServiceProfile> profile;
  ClientTls clientTls = ClientTls::kOn;
  std::shared_ptr<const TlsEndpoint> tls;        ///< nullptr unless `clientTls` is kOn
  std::shared_ptr<const BackendTls> backendTls;  ///< nullptr with backend-tls = off
  std::shared_ptr<const ViaProxy> via;           ///< nullptr: the backend is dialled directly
  StartTls startTls = StartTls::kOff;
  StartTls backendStartTls = StartTls::kOff;
  StaplePolicy staple;
};

/// A connection on its way from the acceptor to a worker. Its destructor closes the descriptor.
struct AcceptedConn {
  UniqueFd fd;
  SocketAddress peer;
  std::shared_ptr<const Service> service;  // the listener's service when the connection was
                                           // accepted
  TimePoint accepted{};
};

}  // namespace culvert
