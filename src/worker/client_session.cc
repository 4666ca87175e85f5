// SPDX-License-Identifier: GPL-3.0-or-later
// See client_session.h.
#include "worker/client_session.h"

#include <new>
#include <utility>

#include "net/early_stream.h"
#include "net/socket_ops.h"
#include "worker/backend_stream.h"
#include "worker/close_line.h"

namespace culvert {
namespace {

const char* messageOf(const Tunnel& tunnel) {
  if (tunnel.reason().cause == CloseCause::kProbe) return "probe";
  if (tunnel.times().handshakeDone == TimePoint{}) return "handshake failed";
  if (tunnel.times().connected == TimePoint{}) return "backend not reached";
  if (tunnel.times().opened == TimePoint{}) return "handshake with the backend failed";
  return "tunnel closed";
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

}  // namespace

ClientStream makeClientStream(TlsWorker& tls, UniqueFd fd, std::vector<uint8_t> early,
                              const Service& service) {
  ClientStream end;
  end.fd = fd.get();
  switch (service.clientTls) {
    case ClientTls::kOn: {
      if (service.listen.startTls != StartTls::kOff) {
        auto stream = std::make_unique<OpeningStream>(
            tls, std::move(fd),
            OpeningParts{.proxy = nullptr,
                         .preface = {},
                         .dialog = makeServerDialog(service.listen.startTls, ownFacts()),
                         .server = service.tls,
                         .client = std::nullopt,
                         .early = std::move(early)});
        end.opening = stream.get();
        end.stream = std::move(stream);
        break;
      }
      auto stream = std::make_unique<TlsStream>(tls, std::move(fd), service.tls, std::move(early));
      end.tls = stream.get();
      end.stream = std::move(stream);
      break;
    }
    case ClientTls::kPassthrough: {
      auto stream = std::make_unique<PassthroughStream>(tls.loop, tls.pool.memory(), std::move(fd),
                                                        std::move(early));
      end.passed = stream.get();
      end.stream = std::move(stream);
      break;
    }
    case ClientTls::kOff:
      if (early.empty())
        end.stream = std::make_unique<PlainStream>(tls.loop, std::move(fd));
      else
        end.stream = std::make_unique<EarlyStream>(tls.loop, tls.pool.memory(), std::move(fd),
                                                   std::move(early));
      break;
  }
  return end;
}

ClientStream clientStreamOf(std::unique_ptr<OpeningStream> opening) {
  ClientStream end;
  end.fd = opening->fd();
  end.opening = opening.get();
  end.stream = std::move(opening);
  return end;
}

ClientSession::ClientSession(SessionOwner& owner, std::shared_ptr<const Service> service,
                             const SocketAddress& client, std::unique_ptr<const ProxyOrigin> origin,
                             const ClientStream& end, TunnelHolds holds)
    : owner_(owner),
      profile_(service->profile),
      holds_(std::move(holds)),
      meter_(owner.counters, cellOf(profile_->counts.get(), owner.index)),
      client_(client),
      origin_(std::move(origin)),
      fd_(end.fd),
      tls_(end.tls),
      passed_(end.passed),
      opening_(end.opening),
      service_(std::move(service)) {
  if (tls_ != nullptr) limitHandshake();
  if (opening_ == nullptr) return;
  opening_->onTls = [this](TlsStream& tls) {
    tls_ = &tls;
    opening_ = nullptr;
    limitHandshake();
  };
}

/// If a handshake-rate is set, full handshakes wait for their turn.
void ClientSession::limitHandshake() {
  tls_->setTurn(owner_.tls.gates.turnFor(profile_->handshakeRate, client_));
}

ClientSession::~ClientSession() {
  const bool held = hold_.held();
  hold_.release();
  const BackendPool* pool = profile_->connect.pool.get();
  if (held && pool->options().maxTunnels != 0) Connector::placeFree(owner_.connectors, *pool);
  owner_.onSessionGone();
}

std::unique_ptr<Dialer> ClientSession::dialerFor(Tunnel& tunnel) {
  noteSteps(tunnel);
  return std::make_unique<Connector>(
      owner_.connectors, profile_->connect, client_,
      [this](Connector::Dialled made) { return backendStream(std::move(made)); });
}

std::unique_ptr<ByteStream> ClientSession::backendStream(Connector::Dialled made) {
  hold_ = std::move(made.hold);
  const std::shared_ptr<const Service> service = std::exchange(service_, nullptr);
  const std::string* agreed = tls_ != nullptr ? tls_->negotiated().alpn.get() : nullptr;
  BackendStream end =
      makeBackendStream(owner_.tls, std::move(made.fd), *service,
                        backendPeerOf(*service, made.address, made.host, agreed), proxyHeader());
  backend_ = end.tls;
  if (end.opening != nullptr) end.opening->onTls = [this](TlsStream& tls) { backend_ = &tls; };
  return std::move(end.stream);
}

PeerVerdict ClientSession::applyTrust(const std::shared_ptr<const TlsEndpoint>& newest) {
  if (newest == nullptr) return {};
  if (opening_ != nullptr) opening_->renew(newest);
  return tls_ != nullptr ? tls_->applyTrust(newest) : PeerVerdict{};
}

/// Keeps what the log line needs, because the backend's stream is gone when the line is written.
void ClientSession::onOpened(Tunnel& tunnel) {
  if (backend_ != nullptr) {
    backendFacts_ = std::make_unique<const Negotiated>(backend_->negotiated());
    backend_ = nullptr;
  }
  noteSteps(tunnel);
  owner_.logger.tell(LogLevel::kDebug, [&] {
    LogLine line(LogLevel::kDebug, "tunnel open");
    describeEnds(tunnel, line);
    describeOpening(tunnel, line);
    line.add("start", startText(tunnel.times().accepted));
    return line;
  });
}

/// Tells the meter which steps are done.
void ClientSession::noteSteps(const Tunnel& tunnel) {
  if (!meter_.on()) return;
  const bool tls = established();
  meter_.note(tunnel.times(), {.clientTls = tls,
                               .resumed = tls && tls_->negotiated().resumed,
                               .backendTls = backendFacts_ != nullptr});
}

void ClientSession::onFirstBackendByte(Tunnel& tunnel) {
  noteSteps(tunnel);
  const ConnectorOptions& connect = profile_->connect;
  const auto news = connect.pool->tunnelWorks(hold_.address(), owner_.loop.now());
  if (news) owner_.connectors.host.onPoolNews(connect, *news);
}

/// True if the end of the tunnel is the fault of the backend's address: its handshake has failed,
/// or its connection was reset before the first byte.
bool ClientSession::backendFailed(const Tunnel& tunnel) const {
  if (!hold_.held()) return false;
  const bool opened = tunnel.times().opened != TimePoint{};
  switch (tunnel.reason().cause) {
    case CloseCause::kBackendReset:
      return tunnel.outbound().delivered() == 0 && tunnel.outbound().lost() == 0;
    case CloseCause::kBackendCertificate:
    case CloseCause::kBackendTlsSent:
    case CloseCause::kBackendTlsReceived:
    case CloseCause::kBackendTlsError:
    case CloseCause::kBackendTruncated:
    case CloseCause::kBackendFin:
      return !opened;
    case CloseCause::kStartTls:
      return !opened && opening_ == nullptr;
    case CloseCause::kHandshakeTimeout:
      return !opened && tunnel.times().handshakeDone != TimePoint{};
    default:
      return false;
  }
}

/// Failed connects are reported by the connector; this reports what fails behind the connect.
void ClientSession::blameBackend(const Tunnel& tunnel) {
  if (!backendFailed(tunnel)) return;
  const std::string& detail = tunnel.reason().detail;
  const std::string why = tunnel.reason().text() + (detail.empty() ? "" : ": ") + detail;
  Connector::blame(owner_.connectors, profile_->connect, hold_.address(), why);
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

/// The address to which the client connected.
SocketAddress ClientSession::localAddress() const {
  return origin_ != nullptr && origin_->local.isSet() ? origin_->local : boundAddress(fd_);
}

std::string ClientSession::proxyHeader() const {
  if (profile_->proxy == ProxyVersion::kOff) return {};
  const SocketAddress local = localAddress();
  if (profile_->proxy == ProxyVersion::kV1) return proxyV1(client_, local);
  const TlsFacts facts = tls_ != nullptr ? tls_->facts() : TlsFacts();
  const std::string_view received = origin_ != nullptr ? origin_->tlvs : std::string_view();
  return proxyV2(client_, local, proxyTlvs(facts), received);
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

void ClientSession::countHandshake(const Tunnel& tunnel) {
  CounterBlock& counters = owner_.counters;
  if (tunnel.times().handshakeDone != TimePoint{}) return;
  if (tunnel.reason().cause == CloseCause::kProbe) return counters.add(Counter::kProbes);
  if (tunnel.reason().cause == CloseCause::kLimit && tunnel.reason().word == kHandshakeRateWord) {
    counters.add(Counter::kRejectedLimit);
    return counters.add(Counter::kLimitHandshakeRate);
  }
  countFailure(tunnel);
}

/// Counts a handshake with the client that has failed.
void ClientSession::countFailure(const Tunnel& tunnel) {
  CounterBlock& counters = owner_.counters;
  meter_.add(ServiceCount::kHandshakesFailed);
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

/// Counts for metrics and admin how the tunnel has ended.
void ClientSession::countEnd(const Tunnel& tunnel) {
  const CloseReason& reason = tunnel.reason();
  countAlert(reason, owner_.counters);
  noteSteps(tunnel);
  if (!meter_.on()) return;
  meter_.noteBlocked(tunnel);
  const bool unreached = reason.cause == CloseCause::kBackendRefused ||
                         reason.cause == CloseCause::kBackendUnreachable ||
                         reason.cause == CloseCause::kBackendTimeout;
  if (unreached || backendFailed(tunnel)) meter_.add(ServiceCount::kBackendFailures);
  if (reason.cause == CloseCause::kLimit) meter_.add(ServiceCount::kRefused);
}

void ClientSession::onTunnelEnded(Tunnel& tunnel) {
  countHandshake(tunnel);
  countEnd(tunnel);
  try {
    blameBackend(tunnel);
  } catch (const std::bad_alloc&) {  // one failure is not counted
    owner_.loop.noteMemoryShortage();
  }
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

void ClientSession::describeEnds(const Tunnel& tunnel, LogLine& line) const {
  line.add("id", tunnel.id()).add("service", profile_->name).add("client", client_.text());
  if (origin_ != nullptr) line.add("proxy", origin_->proxy.text());
  if (tunnel.times().connected != TimePoint{}) line.add("backend", tunnel.backendAddress().text());
  describeTls(line);
}

void ClientSession::describeOpening(const Tunnel& tunnel, LogLine& line) const {
  const OpeningSpans spans = openingSpans(tunnel.times());
  if (established() && spans.handshake) line.addMillis("handshake_ms", *spans.handshake);
  if (spans.connect) line.addMillis("connect_ms", *spans.connect);
  if (backendFacts_ && spans.backendHandshake)
    line.addMillis("backend_handshake_ms", *spans.backendHandshake);
  if (spans.firstByte) line.addMillis("first_byte_ms", *spans.firstByte);
}

void ClientSession::describeTimes(const Tunnel& tunnel, TimePoint now, LogLine& line) const {
  describeOpening(tunnel, line);
  if (tunnel.times().connected == TimePoint{}) return;
  line.addMillis("client_blocked_ms", tunnel.outbound().blockedFor(now));
  line.addMillis("backend_blocked_ms", tunnel.inbound().blockedFor(now));
}

LogLine ClientSession::describe(const Tunnel& tunnel) const {
  const TunnelTimes& t = tunnel.times();
  LogLine line(levelOfEnd(tunnel.reason().cause), messageOf(tunnel));
  describeEnds(tunnel, line);
  line.add("cause", tunnel.reason().text());
  line.addNonEmpty("detail", tunnel.reason().detail);
  line.add("bytes_in", tunnel.inbound().delivered())
      .add("bytes_out", tunnel.outbound().delivered());
  if (tunnel.inbound().lost() != 0) line.add("lost_in", tunnel.inbound().lost());
  if (tunnel.outbound().lost() != 0) line.add("lost_out", tunnel.outbound().lost());
  if (tunnel.discardedBytes() != 0) line.add("discarded", tunnel.discardedBytes());
  describeTimes(tunnel, t.ended, line);
  line.add("start", startText(t.accepted)).addMillis("total_ms", t.ended - t.accepted);
  if (tunnel.reason().cause == CloseCause::kInternal) {
    line.add("at",
             std::string(tunnel.closedAt().file) + ":" + std::to_string(tunnel.closedAt().line));
  }
  // There may be very many failures before the backend is connected (scanners, a dead backend), so
  // the log collapses repeated lines. Each tunnel that was connected has its own line.
  if (t.connected == TimePoint{})
    line.collapseBy(profile_->name + " " + tunnel.reason().text(), SourceKey::of(client_).text());
  return line;
}

}  // namespace culvert
