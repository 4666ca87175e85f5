// SPDX-License-Identifier: GPL-3.0-or-later
// See probe.h.
#include "main/probe.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cstdio>

#include "backend/srv_lookup.h"
#include "base/standard_streams.h"
#include "base/words.h"
#include "certs/ticket_source.h"
#include "health/health_exchange.h"
#include "net/backend_spec.h"
#include "net/resolve.h"
#include "net/socket_ops.h"
#include "server/exit_code.h"
#include "server/preparation.h"
#include "tls/credentials/credentials.h"
#include "worker/backend_stream.h"

namespace culvert {
namespace {

/// Everything that a stream needs around it.
struct ProbeWorker {
  EventLoop loop;
  BufferPool pool;
  CounterBlock counters;
  TlsWorker tls{loop, pool, counters, nullptr};
};

/// What a probe has found out: the words behind the address, and whether a tunnel would go on.
struct FoundOut {
  bool accepted = false;
  std::string words;
};

bool waitFor(int fd, short events, TimePoint deadline) {
  const auto left = std::chrono::duration_cast<Millis>(deadline - Clock::now()).count();
  pollfd one{fd, events, 0};
  return left > 0 && ::poll(&one, 1, static_cast<int>(std::min<int64_t>(left, 60'000))) > 0;
}

/// Returns a connected socket, or the words of the failure.
Result<UniqueFd> probeConnect(const SocketAddress& address, TimePoint deadline) {
  ConnectStart begun = startConnect(address);
  if (begun.connected) return std::move(begun.fd);
  if (!begun.fd.valid()) return fail(errnoText(begun.error));
  if (!waitFor(begun.fd.get(), POLLOUT, deadline)) return fail("no answer within connect-timeout");
  if (const int error = connectResult(begun.fd.get()); error != 0) return fail(errnoText(error));
  return std::move(begun.fd);
}

std::string presented(const TlsStream& tls) {
  const TlsFacts facts = tls.facts();
  std::string words = fmt::format("{}, {}", facts.version, facts.suite);
  if (!facts.group.empty()) words += ", " + facts.group;
  if (!facts.alpn.empty()) words += ", ALPN " + facts.alpn;
  const PeerProof* proof = tls.peerProof();
  if (proof == nullptr || proof->identity() == nullptr)
    return words + "; the certificate was not verified (backend-verify = off)";
  const PeerIdentity& identity = *proof->identity();
  words += fmt::format("; certificate {}, issued by {}", identity.subject(), identity.issuer());
  if (!identity.vouched()) return words + "; only its key was compared (backend-spki)";
  return words + fmt::format("; valid until {}", utcText(identity.path().notAfter));
}

/// Continues the opening until it is done, it fails, or time is up.
FoundOut driveProbe(ProbeWorker& worker, ByteStream& stream, int fd, TimePoint deadline) {
  for (;;) {
    worker.loop.turn(false);
    const IoStatus status = stream.handshake();
    if (status == IoStatus::kOk) return {true, {}};
    if (status != IoStatus::kBlocked) {
      const auto failure = stream.failure();
      return {false, failure ? failure->detail + " (" + failure->text() + ")"
                             : "the backend closed the connection during the handshake"};
    }
    const short events = static_cast<short>(POLLIN | (stream.backlog() != 0 ? POLLOUT : 0));
    if (!waitFor(fd, events, deadline))
      return {false, "handshake-timeout: " + stream.handshakeProgress()};
  }
}

/// Runs the dialog of the service's health check on a stream that is open, and adds what it says.
void driveCheck(ProbeWorker& worker, ByteStream& stream, int fd, HealthExchange& exchange,
                const Service& service, FoundOut& found) {
  const TimePoint deadline = deadlineAfter(Clock::now(), service.health.timeout);
  HealthVerdict verdict;
  for (;;) {
    worker.loop.turn(false);
    verdict = exchange.step(stream);
    if (verdict.done()) break;
    const short events = static_cast<short>(POLLIN | (exchange.wantsWrite(stream) ? POLLOUT : 0));
    if (waitFor(fd, events, deadline)) continue;
    verdict = {HealthVerdict::State::kFailed, "health-timeout: " + exchange.progress()};
    break;
  }
  exchange.flush(stream);
  (void)stream.shutdownWrite();
  found.accepted = verdict.state == HealthVerdict::State::kOk;
  found.words +=
      fmt::format("; health check {}: {}", found.accepted ? "passed" : "failed", verdict.words);
}

FoundOut probeAddress(const Service& service, const SocketAddress& address,
                      const std::string& host) {
  const TunnelOptions& options = *service.profile->tunnel;
  auto fd =
      probeConnect(address, deadlineAfter(Clock::now(), service.profile->connect.connectTimeout));
  if (!fd) return {false, "not reached: " + fd.error().text};
  const int number = fd->get();
  ProbeWorker worker;
  BackendStream made =
      makeBackendStream(worker.tls, std::move(*fd), service, checkedPeer(service, address, host),
                        ownProxyHeader(service));
  TlsStream* tls = made.tls;
  if (made.opening != nullptr) made.opening->onTls = [&tls](TlsStream& stream) { tls = &stream; };
  FoundOut result = driveProbe(worker, *made.stream, number,
                               deadlineAfter(Clock::now(), options.handshakeTimeout));
  if (!result.accepted) {
    result.words = "refused: " + result.words;
  } else if (tls != nullptr && tls->established()) {
    result.words = "accepted: " + presented(*tls);
  } else if (service.backendTls) {
    result.words = "reached; its TLS needs a client's login first, so it was not probed";
  } else {
    result.words = "reached; it has no TLS of culvert (backend-tls = off)";
  }
  auto dialog = healthDialogOf(service, address, host);
  const bool open = made.stream->phase() != OpeningPhase::kDialog;
  if (result.accepted && dialog != nullptr && open) {
    HealthExchange exchange(worker.pool, std::move(dialog));
    driveCheck(worker, *made.stream, number, exchange, service, result);
  }
  return result;
}

/// Looks up the name of a backend in this thread.
Result<AddressSet> probedAddresses(const BackendTarget& target) {
  const auto spec = parseBackend(target.text());
  if (!spec) return tl::unexpected(spec.error());
  if (spec->srv.empty()) return resolveHost(spec->address.host, spec->address.port);
  auto found = resolveSrv(spec->srv);
  if (!found) return tl::unexpected(found.error());
  return std::move(found->addresses);
}

/// Probes each address of one backend. Returns whether all are accepted.
bool probeTarget(const Service& service, const BackendTarget& target, const std::string& text,
                 std::string& out) {
  const auto addresses = target.addresses();
  AddressSet found = *addresses;
  if (found.empty()) {
    auto resolved = probedAddresses(target);
    if (!resolved || resolved->empty()) {
      out += fmt::format("service {}: backend {}: {}\n", service.profile->name, text,
                         resolved ? "has no address" : resolved.error().text);
      return false;
    }
    found = std::move(*resolved);
  }
  bool all = true;
  for (const SocketAddress& address : found) {
    const FoundOut result = probeAddress(service, address, target.host());
    all = all && result.accepted;
    out += fmt::format("service {}: backend {} ({}): {}\n", service.profile->name, text,
                       address.text(), printable(result.words));
  }
  return all;
}

}  // namespace

int probeBackends(const ConfigSource& source, const std::string& service) {
  Resolver resolver{ResolverOptions{}};  // not started: the names are resolved here
  TicketSource tickets;
  const Preparation made =
      prepare(source, {.reason = PrepareReason::kCheck, .resolver = resolver, .tickets = tickets});
  for (const Diagnostic& d : made.diagnostics.list())
    if (d.severity == Severity::kError) printLine(stderr, d.text());
  if (made.exitCode != kExitClean) return made.exitCode;
  bool all = true;
  bool any = false;
  for (const RuntimeService& one : made.runtime.services) {
    if (!service.empty() && one.name() != service) continue;
    any = true;
    for (const auto& [target, weight] : one.service->profile->connect.pool->targets()) {
      std::string out;
      const ServiceOptions* options = made.config.findService(one.name());
      const std::string& text = one.service->via ? options->backend.front().text : target->text();
      all = probeTarget(*one.service, *target, text, out) && all;
      if (!printOut(out)) return kExitFatal;
    }
  }
  if (!any) {
    printLine(stderr, fmt::format("culvert: there is no service \"{}\"", printable(service, 60)));
    return kExitUsage;
  }
  return all ? kExitClean : kExitFatal;
}

}  // namespace culvert
