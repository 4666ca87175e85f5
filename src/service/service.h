// SPDX-License-Identifier: GPL-3.0-or-later
// A Service contains the settings of one [service] that the data path needs, in small frozen sets
// of options. A tunnel keeps the profile until it closes, and the TLS settings until its handshake
// is done. Thread: frozen.
#pragma once

#include <memory>
#include <string>

#include "backend/connector.h"
#include "base/choices.h"
#include "base/clock.h"
#include "limit/handshake_rate.h"
#include "limit/service_limits.h"
#include "proxy/proxy_dialog.h"
#include "proxy/proxy_url.h"
#include "route/route_match.h"
#include "service/source_rules.h"
#include "stats/service_counts.h"
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
  SourceRules sources;       ///< allow-from and deny-from

  // A reload keeps the two objects of a service by its name, and commitLimits() changes their
  // numbers to those below.
  std::shared_ptr<TunnelLimits> limits;          ///< nullptr only in tests: no limits
  std::shared_ptr<HandshakeRate> handshakeRate;  ///< the same
  TunnelLimitSettings limitSettings{};
  uint64_t handshakeRateSetting = 0;
  /// Kept by name, too. nullptr: neither metrics nor admin is set.
  std::shared_ptr<ServiceCounts> counts;

  /// Applies the numbers. Call when the profile comes into force. Thread: control.
  void commitLimits() const {
    if (limits != nullptr) limits->setLimits(limitSettings);
    if (handshakeRate != nullptr) handshakeRate->setRate(handshakeRateSetting);
  }
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

/// The options of a listening socket. All services of the socket have the same. Frozen.
struct ListenRules {
  AcceptProxy acceptProxy = AcceptProxy::kOff;
  NetworkSet proxies;  ///< who may send a PROXY header
  Millis inspectTimeout{10'000};
  StartTls startTls = StartTls::kOff;
};

/// How culvert checks the backends of a service.
struct HealthOptions {
  HealthCheck kind = HealthCheck::kOff;
  Millis interval{2000};
  Millis timeout{1000};  ///< for a whole check
  unsigned fall = 3;     ///< failed checks in a row after which an address is down
  std::string send;      ///< bytes for kSend; the path for kHttp
  std::string expect;    ///< first bytes of the answer for kSend; the status for kHttp
  bool operator==(const HealthOptions&) const = default;
};

struct Service {
  std::shared_ptr<const ServiceProfile> profile;
  ListenRules listen;
  RouteMatch match;        ///< which connections of the socket the service takes
  bool selective = false;  ///< it has match options
  WhenDown whenDown = WhenDown::kWait;
  ClientTls clientTls = ClientTls::kOn;
  std::shared_ptr<const TlsEndpoint> tls;        ///< nullptr unless `clientTls` is kOn
  std::shared_ptr<const BackendTls> backendTls;  ///< nullptr with backend-tls = off
  std::shared_ptr<const ViaProxy> via;           ///< nullptr: the backend is dialled directly
  StartTls backendStartTls = StartTls::kOff;
  StaplePolicy staple;
  HealthOptions health;

  /// True if no backend is up.
  bool backendsDown() const { return profile->connect.pool->down(); }
};

}  // namespace culvert
