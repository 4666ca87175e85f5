// SPDX-License-Identifier: GPL-3.0-or-later
// ClientSession is the TunnelHost of one tunnel. It knows the client, makes the dialer and the stream
// for the backend, and writes the log line when the tunnel closes. Thread: loop.
#pragma once

#include <memory>

#include "log/logger.h"
#include "net/proxy_protocol.h"
#include "service/service.h"
#include "tls/session/opening_stream.h"
#include "tls/session/passthrough_stream.h"
#include "tls/session/tls_stream.h"
#include "tunnel/tunnel.h"

namespace culvert {

/// What a session needs from its worker, which outlives the session.
struct SessionOwner {
  EventLoop& loop;
  Logger& logger;
  CounterBlock& counters;
  ConnectorContext& connectors;
  TlsWorker& tls;
  virtual void onSessionGone() = 0;  ///< called when the tunnel's descriptors are closed

 protected:
  SessionOwner(EventLoop& l, Logger& g, CounterBlock& c, ConnectorContext& d, TlsWorker& t)
      : loop(l), logger(g), counters(c), connectors(d), tls(t) {}
  ~SessionOwner() = default;
};

/// The client's end of a tunnel: the stream, and what it is more than a ByteStream.
struct ClientStream {
  std::unique_ptr<ByteStream> stream;
  int fd = -1;                          ///< of the stream
  TlsStream* tls = nullptr;             ///< the stream, with tls = on
  PassthroughStream* passed = nullptr;  ///< the stream, with tls = passthrough
  OpeningStream* opening = nullptr;     ///< the stream, with starttls
};
/// Makes the client's end for a connection of `service`.
ClientStream makeClientStream(TlsWorker& tls, UniqueFd fd, const Service& service);

class ClientSession final : public TunnelHost {
 public:
  /// `end` is the client's end; its stream moves to the tunnel afterwards.
  ClientSession(SessionOwner& owner, std::shared_ptr<const Service> service,
                const SocketAddress& client, const ClientStream& end);
  ~ClientSession() override;

  std::unique_ptr<Dialer> dialerFor(Tunnel& tunnel) override;
  void onOpened(Tunnel& tunnel) override;
  void onTunnelEnded(Tunnel& tunnel) override;

  const ServiceProfile& profile() const { return *profile_; }
  const SocketAddress& client() const { return client_; }
  bool established() const { return tls_ != nullptr && tls_->established(); }
  /// See TlsStream::applyTrust().
  PeerVerdict applyTrust(const std::shared_ptr<const TlsEndpoint>& newest);

 private:
  std::unique_ptr<ByteStream> backendStream(UniqueFd fd, const SocketAddress& address,
                                            const std::string& host);
  std::string proxyHeader() const;
  ProxyTlvs proxyTlvs(const TlsFacts& facts) const;
  const std::string& serverName() const;
  HandshakeFailure handshakeFailure() const;
  const PeerProof* peerProof() const { return tls_ != nullptr ? tls_->peerProof() : nullptr; }
  LogLevel levelOfEnd(CloseCause cause) const;
  void describeTls(LogLine& line) const;
  void countHandshake(const Tunnel& tunnel) const;
  LogLine describe(const Tunnel& tunnel) const;

  SessionOwner& owner_;
  const std::shared_ptr<const ServiceProfile> profile_;
  const SocketAddress client_;
  // The tunnel owns the client's stream and destroys it just before this session.
  const int fd_;
  TlsStream* tls_;
  PassthroughStream* const passed_;
  OpeningStream* opening_;                  // nullptr once TLS has begun
  std::shared_ptr<const Service> service_;  // until the backend's stream is made
  TlsStream* backend_ = nullptr;            // the backend's stream during its handshake
  std::unique_ptr<const Negotiated> backendFacts_;
};

}  // namespace culvert
