// SPDX-License-Identifier: GPL-3.0-or-later
// ClientSession is the TunnelHost of one tunnel. It knows the client, makes the dialer for the
// backend, and writes the log line when the tunnel closes. Thread: loop.
#pragma once

#include <memory>

#include "log/logger.h"
#include "service/service.h"
#include "tls/session/tls_stream.h"
#include "tunnel/tunnel.h"

namespace culvert {

/// What a session needs from its worker, which outlives the session.
struct SessionOwner {
  EventLoop& loop;
  Logger& logger;
  CounterBlock& counters;
  ConnectorContext& connectors;
  virtual void onSessionGone() = 0;  ///< called when the tunnel's descriptors are closed

 protected:
  SessionOwner(EventLoop& l, Logger& g, CounterBlock& c, ConnectorContext& d)
      : loop(l), logger(g), counters(c), connectors(d) {}
  ~SessionOwner() = default;
};

class ClientSession final : public TunnelHost {
 public:
  ClientSession(SessionOwner& owner, std::shared_ptr<const ServiceProfile> profile,
                const SocketAddress& client, TlsStream& stream);
  ~ClientSession() override;

  std::unique_ptr<Dialer> dialerFor(Tunnel& tunnel) override;
  void onTunnelEnded(Tunnel& tunnel) override;

  const ServiceProfile& profile() const { return *profile_; }
  const SocketAddress& client() const { return client_; }
  bool established() const { return stream_.established(); }
  /// See TlsStream::applyTrust().
  PeerVerdict applyTrust(const std::shared_ptr<const TlsEndpoint>& newest) {
    return stream_.applyTrust(newest);
  }

 private:
  std::string proxyHeader() const;
  void countHandshake(const Tunnel& tunnel) const;
  LogLine describe(const Tunnel& tunnel) const;

  SessionOwner& owner_;
  const std::shared_ptr<const ServiceProfile> profile_;
  const SocketAddress client_;
  TlsStream& stream_;  // the tunnel owns the stream and destroys it just before this session
};

}  // namespace culvert
