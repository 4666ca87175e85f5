// SPDX-License-Identifier: GPL-3.0-or-later
// See client_session.h.
#include "worker/client_session.h"

#include <algorithm>
#include <new>

#include "log/log_render.h"
#include "net/proxy_protocol.h"
#include "net/socket_ops.h"

namespace culvert {
namespace {

/// Faults of peers are logged as info, faults of the environment as warnings, faults of culvert as
/// errors, and probes as debug.
LogLevel levelOfEnd(CloseCause cause) {
  switch (cause) {
    case CloseCause::kProbe:
      return LogLevel::kDebug;
    case CloseCause::kInternal:
      return LogLevel::kErr;
    case CloseCause::kClientRevoked:
      return LogLevel::kNotice;
    case CloseCause::kBackendRefused:
    case CloseCause::kBackendUnreachable:
    case CloseCause::kBackendTimeout:
    case CloseCause::kLimit:
      return LogLevel::kWarning;
    default:
      return LogLevel::kInfo;
  }
}

const char* messageOf(const Tunnel& tunnel) {
  if (tunnel.reason().cause == CloseCause::kProbe) return "probe";
  if (tunnel.times().handshakeDone == TimePoint{}) return "handshake failed";
  if (tunnel.times().connected == TimePoint{}) return "backend not reached";
  return "tunnel closed";
}

/// The wall clock time of the accept, computed from the monotonic clock. If the wall clock was set
/// meanwhile, the result is shifted by that change.
std::string startText(TimePoint accepted) {
  const auto ago = std::chrono::duration_cast<WallTime::duration>(Clock::now() - accepted);
  return renderTime(std::chrono::system_clock::now() - ago);
}

/// Adds the client's identity from its certificate, whether or not culvert accepted the client.
void describeClient(const PeerProof& proof, LogLine& line) {
  if (const PeerIdentity* identity = proof.identity()) {
    line.add("client_cert", identity->subject()).add("client_issuer", identity->issuer());
    line.add("client_serial", identity->serial()).addNonEmpty("client_uri", identity->uri());
  } else {
    line.add("client_cert", "none");
  }
}

/// Returns the source by which the log collapses repeated lines. It is the IPv4 address, the /64 of
/// the IPv6 address, or "unix" for all clients of a UNIX socket. A host chooses its IPv6 addresses
/// from its /64.
std::string sourceOf(const SocketAddress& client) {
  if (client.isUnix()) return "unix";
  if (!client.isIpv6()) return client.hostText();
  in6_addr prefix = client.v6().sin6_addr;
  std::fill(prefix.s6_addr + 8, prefix.s6_addr + 16, 0);
  return SocketAddress::ipv6(prefix, 0, client.v6().sin6_scope_id).hostText() + "/64";
}

/// Returns levelOfEnd(cause), but kWarning if culvert refused the client because of an expired CA
/// or CRL, which the operator must renew.
LogLevel levelOfEnd(CloseCause cause, const TlsStream& stream) {
  const PeerProof* proof = stream.peerProof();
  return proof != nullptr && proof->verdict().ours ? LogLevel::kWarning : levelOfEnd(cause);
}

}  // namespace

ClientSession::ClientSession(SessionOwner& owner, std::shared_ptr<const ServiceProfile> profile,
                             const SocketAddress& client, TlsStream& stream)
    : owner_(owner), profile_(std::move(profile)), client_(client), stream_(stream) {}

ClientSession::~ClientSession() { owner_.onSessionGone(); }

std::unique_ptr<Dialer> ClientSession::dialerFor(Tunnel&) {
  return std::make_unique<Connector>(owner_.connectors, profile_->connect,
                                     [this] { return proxyHeader(); });
}

std::string ClientSession::proxyHeader() const {
  if (profile_->proxy == ProxyVersion::kOff) return {};
  const SocketAddress local = boundAddress(stream_.fd());
  if (profile_->proxy == ProxyVersion::kV1) return proxyV1(client_, local);
  const TlsFacts facts = stream_.facts();
  ProxyTlvs tlvs{.alpn = facts.alpn,
                 .authority = stream_.serverName(),
                 .tls = true,
                 .tlsVersion = facts.version,
                 .cipher = facts.suite};
  const PeerProof* proof = stream_.peerProof();
  if (proof != nullptr && proof->verified()) {
    const PeerIdentity& identity = *proof->identity();
    const auto fingerprint = identity.fingerprint();
    tlvs.clientVerified = true;
    if (identity.vouched()) {  // without a trusted CA, the client may have invented the names
      tlvs.clientCn = identity.commonName();
      tlvs.clientSubject = identity.subject();
      tlvs.clientUri = identity.uri();
    }
    tlvs.clientFingerprint.assign(reinterpret_cast<const char*>(fingerprint.data()),
                                  fingerprint.size());
  }
  return proxyV2(client_, local, tlvs);
}

void ClientSession::countHandshake(const Tunnel& tunnel) const {
  CounterBlock& counters = owner_.counters;
  if (tunnel.times().handshakeDone != TimePoint{}) return;
  if (tunnel.reason().cause == CloseCause::kProbe) return counters.add(Counter::kProbes);
  if (tunnel.reason().cause == CloseCause::kHandshakeTimeout)
    return counters.add(Counter::kHandshakesTimeout);
  switch (stream_.handshakeFailure()) {
    case HandshakeFailure::kAlert:
      return counters.add(Counter::kHandshakesAlert);
    case HandshakeFailure::kBadHello:
      return counters.add(Counter::kHandshakesBadHello);
    case HandshakeFailure::kNoCommon:
      return counters.add(Counter::kHandshakesNoCommon);
    case HandshakeFailure::kClientAuth:
      return counters.add(Counter::kHandshakesClientAuth);
    case HandshakeFailure::kClosed:
      return counters.add(Counter::kHandshakesClosed);
    case HandshakeFailure::kNone:
    case HandshakeFailure::kOther:
      return counters.add(Counter::kHandshakesOther);
  }
}

void ClientSession::onTunnelEnded(Tunnel& tunnel) {
  countHandshake(tunnel);
  owner_.logger.tell(levelOfEnd(tunnel.reason().cause, stream_), [&] { return describe(tunnel); });
}

LogLine ClientSession::describe(const Tunnel& tunnel) const {
  const TunnelTimes& t = tunnel.times();
  const auto since = [](TimePoint from, TimePoint to) {
    return to == TimePoint{} ? Clock::duration{} : to - from;
  };
  const bool connected = t.connected != TimePoint{};
  LogLine line(levelOfEnd(tunnel.reason().cause, stream_), messageOf(tunnel));
  line.add("id", tunnel.id()).add("service", profile_->name).add("client", client_.text());
  if (connected) line.add("backend", tunnel.backendAddress().text());
  line.addNonEmpty("sni", stream_.serverName());
  if (stream_.established()) {
    const TlsFacts facts = stream_.facts();
    line.addNonEmpty("alpn", facts.alpn).add("tls", facts.version).add("suite", facts.suite);
    line.addNonEmpty("group", facts.group).add("resumed", facts.resumed);
  }
  if (const PeerProof* proof = stream_.peerProof()) describeClient(*proof, line);
  line.add("cause", tunnel.reason().text());
  line.addNonEmpty("detail", tunnel.reason().detail);
  line.add("bytes_in", tunnel.inbound().delivered())
      .add("bytes_out", tunnel.outbound().delivered());
  if (tunnel.inbound().lost() != 0) line.add("lost_in", tunnel.inbound().lost());
  if (tunnel.outbound().lost() != 0) line.add("lost_out", tunnel.outbound().lost());
  if (tunnel.discardedBytes() != 0) line.add("discarded", tunnel.discardedBytes());
  if (stream_.established()) line.addMillis("handshake_ms", t.handshakeDone - t.accepted);
  if (connected) {
    line.addMillis("connect_ms", since(t.handshakeDone, t.connected));
    if (t.firstBackendByte != TimePoint{})
      line.addMillis("first_byte_ms", since(t.connected, t.firstBackendByte));
    line.addMillis("client_blocked_ms", tunnel.outbound().blockedFor(t.ended));
    line.addMillis("backend_blocked_ms", tunnel.inbound().blockedFor(t.ended));
  }
  line.add("start", startText(t.accepted)).addMillis("total_ms", since(t.accepted, t.ended));
  if (tunnel.reason().cause == CloseCause::kInternal) {
    line.add("at",
             std::string(tunnel.closedAt().file) + ":" + std::to_string(tunnel.closedAt().line));
  }
  // There may be very many failures before the backend is connected (scanners, a dead backend), so
  // the log collapses repeated lines. Each tunnel that was connected has its own line.
  if (!connected) line.collapseBy(profile_->name + " " + tunnel.reason().text(), sourceOf(client_));
  return line;
}

}  // namespace culvert
