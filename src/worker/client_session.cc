// SPDX-License-Identifier: GPL-3.0-or-later
// See client_session.h.
#include "worker/client_session.h"

#include <algorithm>
#include <new>
#include <utility>

#include "log/log_render.h"
#include "net/plain_stream.h"
#include "net/socket_ops.h"
#include "worker/backend_stream.h"

namespace culvert {
namespace {

/// Faults of peers are logged as info, faults of the environment as warnings, faults of culvert as
/// errors, and probes as debug.
LogLevel levelOfCause(CloseCause cause) {
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
    case CloseCause::kBackendCertificate:
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
  if (tunnel.times().opened == TimePoint{}) return "handshake with the backend failed";
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

}  // namespace

ClientStream makeClientStream(TlsWorker& tls, UniqueFd fd, const Service& service) {
  ClientStream end;
  end.fd = fd.get();
  switch (service.clientTls) {
    case ClientTls::kOn: {
      if (service.startTls != StartTls::kOff) {
        auto stream = std::make_unique<OpeningStream>(
            tls, std::move(fd),
            OpeningParts{.proxy = nullptr,
                         .preface = {},
                         .dialog = makeServerDialog(service.startTls, ownFacts()),
                         .server = service.tls,
                         .client = std::nullopt});
        end.opening = stream.get();
        end.stream = std::move(stream);
        break;
      }
      auto stream = std::make_unique<TlsStream>(tls, std::move(fd), service.tls);
      end.tls = stream.get();
      end.stream = std::move(stream);
      break;
    }
    case ClientTls::kPassthrough: {
      auto stream = std::make_unique<PassthroughStream>(tls.loop, std::move(fd));
      end.passed = stream.get();
      end.stream = std::move(stream);
      break;
    }
    case ClientTls::kOff:
      end.stream = std::make_unique<PlainStream>(tls.loop, std::move(fd));
      break;
  }
  return end;
}

ClientSession::ClientSession(SessionOwner& owner, std::shared_ptr<const Service> service,
                             const SocketAddress& client, const ClientStream& end)
    : owner_(owner),
      profile_(service->profile),
      client_(client),
      fd_(end.fd),
      tls_(end.tls),
      passed_(end.passed),
      opening_(end.opening),
      service_(std::move(service)) {
  if (opening_ == nullptr) return;
  opening_->onTls = [this](TlsStream& tls) {
    tls_ = &tls;
    opening_ = nullptr;
  };
}

ClientSession::~ClientSession() { owner_.onSessionGone(); }

std::unique_ptr<Dialer> ClientSession::dialerFor(Tunnel&) {
  return std::make_unique<Connector>(
      owner_.connectors, profile_->connect,
      [this](UniqueFd fd, const SocketAddress& address, const std::string& host) {
        return backendStream(std::move(fd), address, host);
      });
}

std::unique_ptr<ByteStream> ClientSession::backendStream(UniqueFd fd, const SocketAddress& address,
                                                         const std::string& host) {
  const std::shared_ptr<const Service> service = std::exchange(service_, nullptr);
  const std::string* agreed = tls_ != nullptr ? tls_->negotiated().alpn.get() : nullptr;
  BackendStream made =
      makeBackendStream(owner_.tls, std::move(fd), *service,
                        backendPeerOf(*service, address, host, agreed), proxyHeader());
  backend_ = made.tls;
  if (made.opening != nullptr) made.opening->onTls = [this](TlsStream& tls) { backend_ = &tls; };
  return std::move(made.stream);
}

PeerVerdict ClientSession::applyTrust(const std::shared_ptr<const TlsEndpoint>& newest) {
  if (newest == nullptr) return {};
  if (opening_ != nullptr) opening_->renew(newest);
  return tls_ != nullptr ? tls_->applyTrust(newest) : PeerVerdict{};
}

/// Keeps what the log line needs, because the backend's stream is gone when the line is written.
void ClientSession::onOpened(Tunnel&) {
  if (backend_ == nullptr) return;
  backendFacts_ = std::make_unique<const Negotiated>(backend_->negotiated());
  backend_ = nullptr;
}

const std::string& ClientSession::serverName() const {
  static const std::string kNone;
  if (tls_ != nullptr) return tls_->serverName();
  return passed_ != nullptr ? passed_->serverName() : kNone;
}

HandshakeFailure ClientSession::handshakeFailure() const {
  if (tls_ != nullptr) return tls_->handshakeFailure();
  return passed_ != nullptr ? passed_->handshakeFailure() : HandshakeFailure::kNone;
}

/// Returns culvert's usual level for the cause, but kWarning if culvert refused the client because
/// of an expired CA or CRL, which the operator must renew.
LogLevel ClientSession::levelOfEnd(CloseCause cause) const {
  const PeerProof* proof = peerProof();
  return proof != nullptr && proof->verdict().ours ? LogLevel::kWarning : levelOfCause(cause);
}

std::string ClientSession::proxyHeader() const {
  if (profile_->proxy == ProxyVersion::kOff) return {};
  const SocketAddress local = boundAddress(fd_);
  if (profile_->proxy == ProxyVersion::kV1) return proxyV1(client_, local);
  const TlsFacts facts = tls_ != nullptr ? tls_->facts() : TlsFacts();
  return proxyV2(client_, local, proxyTlvs(facts));
}

/// Returns the TLVs of a version 2 header. They are views of `facts` and of the client's stream.
ProxyTlvs ClientSession::proxyTlvs(const TlsFacts& facts) const {
  ProxyTlvs tlvs{.alpn = facts.alpn,
                 .authority = serverName(),
                 .tls = established(),
                 .tlsVersion = facts.version,
                 .cipher = facts.suite};
  const PeerProof* proof = peerProof();
  if (proof == nullptr || !proof->verified()) return tlvs;
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
  return tlvs;
}

void ClientSession::countHandshake(const Tunnel& tunnel) const {
  CounterBlock& counters = owner_.counters;
  if (tunnel.times().handshakeDone != TimePoint{}) return;
  if (tunnel.reason().cause == CloseCause::kProbe) return counters.add(Counter::kProbes);
  if (tunnel.reason().cause == CloseCause::kHandshakeTimeout)
    return counters.add(Counter::kHandshakesTimeout);
  switch (handshakeFailure()) {
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
  owner_.logger.tell(levelOfEnd(tunnel.reason().cause), [&] { return describe(tunnel); });
}

/// Adds what the two TLS sessions have negotiated.
void ClientSession::describeTls(LogLine& line) const {
  line.addNonEmpty("sni", serverName());
  if (established()) {
    const TlsFacts facts = tls_->facts();
    line.addNonEmpty("alpn", facts.alpn).add("tls", facts.version).add("suite", facts.suite);
    line.addNonEmpty("group", facts.group).add("resumed", facts.resumed);
  }
  if (const PeerProof* proof = peerProof()) describeClient(*proof, line);
  if (!backendFacts_) return;
  const TlsFacts facts = backendFacts_->describe();
  line.addNonEmpty("backend_alpn", facts.alpn).add("backend_tls", facts.version);
  line.add("backend_suite", facts.suite).addNonEmpty("backend_group", facts.group);
  line.add("backend_resumed", facts.resumed);
}

LogLine ClientSession::describe(const Tunnel& tunnel) const {
  const TunnelTimes& t = tunnel.times();
  const auto since = [](TimePoint from, TimePoint to) {
    return to == TimePoint{} ? Clock::duration{} : to - from;
  };
  const bool connected = t.connected != TimePoint{};
  LogLine line(levelOfEnd(tunnel.reason().cause), messageOf(tunnel));
  line.add("id", tunnel.id()).add("service", profile_->name).add("client", client_.text());
  if (connected) line.add("backend", tunnel.backendAddress().text());
  describeTls(line);
  line.add("cause", tunnel.reason().text());
  line.addNonEmpty("detail", tunnel.reason().detail);
  line.add("bytes_in", tunnel.inbound().delivered())
      .add("bytes_out", tunnel.outbound().delivered());
  if (tunnel.inbound().lost() != 0) line.add("lost_in", tunnel.inbound().lost());
  if (tunnel.outbound().lost() != 0) line.add("lost_out", tunnel.outbound().lost());
  if (tunnel.discardedBytes() != 0) line.add("discarded", tunnel.discardedBytes());
  // With a starttls in which the server greets first, the client's handshake follows the connect.
  const bool later = connected && t.handshakeDone > t.connected;
  if (established())
    line.addMillis("handshake_ms", t.handshakeDone - (later ? t.connected : t.accepted));
  if (connected) {
    const bool first = later || t.handshakeDone == TimePoint{};
    line.addMillis("connect_ms", since(first ? t.accepted : t.handshakeDone, t.connected));
    if (backendFacts_) line.addMillis("backend_handshake_ms", since(t.connected, t.opened));
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
