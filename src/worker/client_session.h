// SPDX-License-Identifier: GPL-3.0-or-later
// ClientSession is the TunnelHost of one tunnel. It knows the client, makes the dialer and the stream
// for the backend, and writes the log line when the tunnel closes. Thread: loop.
#pragma once

#include <memory>

#include "log/logger.h"
#include "net/proxy_protocol.h"
#include "service/arrival.h"
#include "tls/session/opening_stream.h"
#include "tls/session/passthrough_stream.h"
#include "tls/session/tls_stream.h"
#include "tunnel/tunnel.h"
#include "worker/admission.h"
#include "worker/session_meter.h"

namespace culvert {

/// What a session needs from its worker, which outlives the session.
struct SessionOwner {
  EventLoop& loop;
  Logger& logger;
  CounterBlock& counters;
  ConnectorContext& connectors;
  TlsWorker& tls;
  const size_t index;                ///< of the worker
  virtual void onSessionGone() = 0;  ///< called when the tunnel's descriptors are closed

 protected:
  SessionOwner(EventLoop& l, Logger& g, CounterBlock& c, ConnectorContext& d, TlsWorker& t,
               size_t i)
      : loop(l), logger(g), counters(c), connectors(d), tls(t), index(i) {}
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
/// Makes the client's end of a connection. `early` are bytes of the client that were received
/// already.
ClientStream makeClientStream(TlsWorker& tls, UniqueFd fd, std::vector<uint8_t> early,
                              const Service& service);

/// The client's end of a connection whose dialog before TLS was done already.
ClientStream clientStreamOf(std::unique_ptr<OpeningStream> opening);

class ClientSession final : public TunnelHost {
 public:
  /// `end` is the client's end; its stream moves to the tunnel afterwards. `origin` is what a PROXY
  /// header said of the connection; nullptr without one. `holds` are from admit().
  ClientSession(SessionOwner& owner, std::shared_ptr<const Service> service,
                const SocketAddress& client, std::unique_ptr<const ProxyOrigin> origin,
                const ClientStream& end, TunnelHolds holds);
  ~ClientSession() override;

  Tally* bytesTo(Direction direction) override { return meter_.bytesTo(direction); }
  std::unique_ptr<Dialer> dialerFor(Tunnel& tunnel) override;
  void onOpened(Tunnel& tunnel) override;
  void onFirstBackendByte(Tunnel& tunnel) override;
  void onTunnelEnded(Tunnel& tunnel) override;

  const ServiceProfile& profile() const { return *profile_; }
  const SocketAddress& client() const { return client_; }
  /// The server name that the client has sent; may be empty.
  const std::string& serverName() const;
  /// Adds the two ends of the tunnel and what their TLS sessions have negotiated.
  void describeEnds(const Tunnel& tunnel, LogLine& line) const;
  /// Adds how long the steps of the tunnel took, and how long its sides were blocked up to `now`.
  void describeTimes(const Tunnel& tunnel, TimePoint now, LogLine& line) const;
  bool established() const { return tls_ != nullptr && tls_->established(); }
  /// See TlsStream::applyTrust().
  PeerVerdict applyTrust(const std::shared_ptr<const TlsEndpoint>& newest);

 private:
  std::unique_ptr<ByteStream> backendStream(Connector::Dialled made);
  void describeOpening(const Tunnel& tunnel, LogLine& line) const;
  bool backendFailed(const Tunnel& tunnel) const;
  void blameBackend(const Tunnel& tunnel);
  SocketAddress localAddress() const;
  void limitHandshake();
  std::string proxyHeader() const;
  ProxyTlvs proxyTlvs(const TlsFacts& facts) const;
  HandshakeFailure handshakeFailure() const;
  const PeerProof* peerProof() const { return tls_ != nullptr ? tls_->peerProof() : nullptr; }
  LogLevel levelOfEnd(CloseCause cause) const;
  void describeTls(LogLine& line) const;
  void countHandshake(const Tunnel& tunnel);
  void countFailure(const Tunnel& tunnel);
  void countEnd(const Tunnel& tunnel);
  void noteSteps(const Tunnel& tunnel);
  LogLine describe(const Tunnel& tunnel) const;

  SessionOwner& owner_;
  const std::shared_ptr<const ServiceProfile> profile_;
  const TunnelHolds holds_;  // destroyed before profile_, which has the limits
  SessionMeter meter_;       // the same
  const SocketAddress client_;
  const std::unique_ptr<const ProxyOrigin> origin_;
  // The tunnel owns the client's stream and destroys it just before this session.
  const int fd_;
  TlsStream* tls_;
  PassthroughStream* const passed_;
  OpeningStream* opening_;                  // nullptr once TLS has begun
  std::shared_ptr<const Service> service_;  // until the backend's stream is made
  TlsStream* backend_ = nullptr;            // the backend's stream during its handshake
  std::unique_ptr<const Negotiated> backendFacts_;
  BackendHold hold_;  // of the backend's address, until the descriptor is closed
};

}  // namespace culvert
