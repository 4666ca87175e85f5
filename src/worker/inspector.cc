// SPDX-License-Identifier: GPL-3.0-or-later
// See inspector.h.
#include "worker/inspector.h"

#include <fmt/format.h>

#include <array>
#include <new>
#include <utility>

#include "event/callback.h"
#include "net/proxy_reader.h"
#include "net/socket_ops.h"
#include "tls/protocol/alert_number.h"
#include "worker/backend_stream.h"
#include "worker/close_line.h"

namespace culvert {
namespace {

constexpr size_t kPiece = 16 * 1024;
// How long culvert reads and discards input after an alert, so that the alert arrives.
constexpr Millis kRefusalLinger{2000};

constexpr std::string_view kStepWords[] = {"port", "address",     "name",   "transport",
                                           "ALPN", "source type", "source", "source port"};

}  // namespace

/// The socket while culvert reads the first bytes.
class Inspector::HeadStream final : public PlainStream {
 public:
  using PlainStream::PlainStream;
  using SocketStream::receive;
  using SocketStream::release;
  using SocketStream::transmit;
};

Inspector::Inspector(SessionOwner& owner, InspectorHost& host, AcceptedConn conn)
    : owner_(owner),
      host_(host),
      entrance_(std::move(conn.entrance)),
      peer_(conn.peer),
      accepted_(conn.accepted),
      place_(std::move(conn.place)),
      memory_(owner.tls.pool.memory(), MemoryUse::kHandshakes, kMemory),
      head_(std::make_unique<HeadStream>(owner.loop, std::move(conn.fd))),
      timer_(owner.loop, this, call<&Inspector::onTimer>) {
  head_->setObserver(this);
}

/// The place is free when the descriptor is closed.
Inspector::~Inspector() {
  head_.reset();
  opening_.reset();
  if (!handed_) owner_.onSessionGone();
}

const SocketAddress& Inspector::client() const {
  return origin_ != nullptr && origin_->client.isSet() ? origin_->client : peer_;
}

ByteStream& Inspector::stream() const {
  if (opening_ != nullptr) return *opening_;
  return *head_;
}

/// Runs `step`. If memory runs out, only this connection ends.
template <class Step>
void Inspector::guarded(Step step) {
  if (stage_ == Stage::kEnded) return;
  try {
    step();
  } catch (const std::bad_alloc&) {
    owner_.loop.noteMemoryShortage();
    if (stage_ != Stage::kEnded) close({CloseCause::kInternal, "", "out of memory"});
  }
}

void Inspector::start() {
  guarded([this] {
    local_ = boundAddress(head_->fd());
    timer_.armBy(accepted_ + entrance_->rules().inspectTimeout);
    onReadable();
  });
}

void Inspector::onReadable() {
  guarded([this] {
    if (stage_ == Stage::kLinger) return linger();
    if (stage_ == Stage::kDialog) return runDialog();
    if (receive()) step();
  });
}

void Inspector::onWritable() { onReadable(); }

/// Receives once. Returns false if the connection has ended.
bool Inspector::receive() {
  std::array<uint8_t, kPiece> scratch;
  const IoResult r = head_->receive(scratch);
  bytes_.insert(bytes_.end(), scratch.begin(), scratch.begin() + static_cast<ptrdiff_t>(r.bytes));
  memory_.resize(kMemory + 2 * bytes_.capacity());  // the gatherer keeps a copy of a split hello
  switch (r.status) {
    case IoStatus::kOk:
    case IoStatus::kBlocked:
      return true;
    case IoStatus::kEof:
      if (bytes_.empty())
        ended({CloseCause::kProbe});
      else
        ended({CloseCause::kClientTruncated, "", "the client left before its service was known"});
      return false;
    default:
      ended({bytes_.empty() ? CloseCause::kProbe : CloseCause::kClientReset, "",
             "the client left before its service was known"});
      return false;
  }
}

void Inspector::step() {
  if (stage_ == Stage::kHeader && !readHeader()) return;
  const Entrance& entrance = *entrance_;
  if (entrance.routes == nullptr) return hand(entrance.services.front());
  if (const auto early = entrance.routes->early(facts())) return take(*early, nullptr);
  if (bytes_.empty()) return head_->watch(true, false);
  if (entrance.rules().startTls != StartTls::kOff) return beginDialog();
  chooseByBytes();
}

/// Reads the PROXY header. Returns true if it is complete or none is looked for.
bool Inspector::readHeader() {
  const ListenRules& rules = entrance_->rules();
  const bool trusted = rules.proxies.contains(peer_);
  if (rules.acceptProxy == AcceptProxy::kRequired && !trusted)
    return headerRefused(fmt::format("{} is not in accept-proxy-from", peer_.hostText()));
  ProxyHeader header;
  if (rules.acceptProxy != AcceptProxy::kOff && trusted) {
    const ProxyRead read = readProxyHeader(bytes_, header);
    switch (read.status) {
      case ProxyStatus::kNeedMore:
        head_->watch(true, false);
        return false;
      case ProxyStatus::kMalformed:
        return headerRefused(std::string(read.problem));
      case ProxyStatus::kAbsent:
        if (rules.acceptProxy == AcceptProxy::kRequired)
          return headerRefused("the connection does not begin with a PROXY header");
        break;
      case ProxyStatus::kComplete:
        bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(read.consumed));
        origin_ = std::make_unique<ProxyOrigin>(ProxyOrigin{peer_, std::move(header.source),
                                                            std::move(header.destination),
                                                            std::move(header.tlvs)});
        break;
    }
  }
  stage_ = Stage::kBytes;
  return true;
}

bool Inspector::headerRefused(std::string why) {
  owner_.counters.add(Counter::kProxyHeadersRefused);
  ended({CloseCause::kProxyHeader, "", std::move(why)});
  return false;
}

RouteFacts Inspector::facts() const {
  RouteFacts facts;
  facts.local = origin_ != nullptr && origin_->local.isSet() ? origin_->local : local_;
  facts.peer = client();
  return facts;
}

void Inspector::chooseByBytes() {
  ClientHello hello;
  const HelloResult result = gatherer_.feed(bytes_, hello);
  if (result.status == HelloStatus::kNeedMore) return head_->watch(true, false);
  choose(result.status == HelloStatus::kComplete ? &hello : nullptr, result);
}

/// `hello` is nullptr if the bytes are not a ClientHello, or a malformed one.
void Inspector::choose(const ClientHello* hello, const HelloResult& result) {
  RouteFacts known = facts();
  known.tls = result.status != HelloStatus::kNotTls;
  if (hello != nullptr) {
    serverName_ = hello->serverName;
    known.serverName = serverName_;
    hello->forEachProtocol([&known](std::string_view name) { known.alpn.push_back(name); });
  }
  const RouteChoice choice = entrance_->routes->choose(known);
  take(choice, &result);
}

/// `result` is what the first bytes were; nullptr if they did not count.
void Inspector::take(const RouteChoice& choice, const HelloResult* result) {
  if (choice.service >= 0) return hand(entrance_->services[static_cast<size_t>(choice.service)]);
  owner_.counters.add(Counter::kNoService);
  if (result != nullptr && result->status == HelloStatus::kMalformed)
    return refuse(explainHello(*result), result->alert);
  const bool tls = result != nullptr && result->status == HelloStatus::kComplete;
  const uint8_t alert =
      choice.lostAt == RouteStep::kAlpn ? Alert::no_application_protocol : Alert::unrecognized_name;
  refuse(noService(choice, facts()), tls ? alert : uint8_t(0));
}

CloseReason Inspector::noService(const RouteChoice& choice, const RouteFacts& facts) const {
  const std::string name = serverName_.empty() ? "no server name" : "the name " + serverName_;
  return {CloseCause::kNoService, "",
          fmt::format("no service of {} takes the client: lost at the {} ({})", facts.local.text(),
                      kStepWords[static_cast<size_t>(choice.lostAt)], name)};
}

/// The service is known: the connection leaves this Inspector.
void Inspector::hand(const std::shared_ptr<const Service>& service) {
  stage_ = Stage::kEnded;
  handed_ = true;
  memory_.resize(0);
  timer_.disarm();
  Arrival arrival{.fd = head_ != nullptr ? head_->release() : UniqueFd(),
                  .peer = peer_,
                  .origin = std::move(origin_),
                  .early = std::move(bytes_),
                  .service = service,
                  .accepted = accepted_,
                  .place = std::move(place_)};
  host_.onServiceChosen(*this, std::move(arrival), std::move(opening_));
}

/// Begins the dialog in which the client asks for TLS. The hello behind it chooses the service.
void Inspector::beginDialog() {
  stage_ = Stage::kDialog;
  OpeningParts parts;
  parts.dialog = makeServerDialog(entrance_->rules().startTls, ownFacts());
  parts.early = std::move(bytes_);
  parts.choose = [this](const ClientHello& hello) { return chooseForHello(hello); };
  opening_ = std::make_unique<OpeningStream>(owner_.tls, head_->release(), std::move(parts));
  opening_->setObserver(this);
  owner_.loop.deleteLater(std::move(head_));
  runDialog();
}

ChosenEndpoint Inspector::chooseForHello(const ClientHello& hello) {
  RouteFacts known = facts();
  known.tls = true;
  serverName_ = hello.serverName;
  known.serverName = serverName_;
  hello.forEachProtocol([&known](std::string_view name) { known.alpn.push_back(name); });
  const RouteChoice choice = entrance_->routes->choose(known);
  if (choice.service >= 0) {
    chosen_ = entrance_->services[static_cast<size_t>(choice.service)];
    if (chosen_->tls != nullptr) return {.endpoint = chosen_->tls};
  }
  owner_.counters.add(Counter::kNoService);
  return {.endpoint = nullptr,
          .alert = choice.lostAt == RouteStep::kAlpn ? Alert::no_application_protocol
                                                     : Alert::unrecognized_name,
          .reason = noService(choice, known)};
}

void Inspector::runDialog() {
  const IoStatus status = opening_->handshake();
  if (chosen_ != nullptr && status == IoStatus::kBlocked)
    return hand(std::exchange(chosen_, nullptr));
  switch (status) {
    case IoStatus::kOk:
    case IoStatus::kBlocked:
      return opening_->watch(true, opening_->backlog() != 0);
    case IoStatus::kEof:
      return ended({CloseCause::kProbe});
    case IoStatus::kTruncated:
      return ended({CloseCause::kClientTruncated, "", "the client left in the dialog before TLS"});
    case IoStatus::kReset:
      return ended({CloseCause::kClientReset, "", "the client left in the dialog before TLS"});
    default:
      return refuse(opening_->failure().value_or(CloseReason{}), 0);
  }
}

/// Ends the connection. A TLS client learns why by `alert`; 0 means that the stream has sent its
/// answer already, or that there is none.
void Inspector::refuse(CloseReason reason, uint8_t alert) {
  tell(reason);
  stage_ = Stage::kLinger;
  serverName_ = {};
  if (alert != 0) (void)head_->transmit(fatalAlertRecord(alert));
  (void)stream().shutdownWrite();
  timer_.disarm();
  timer_.armBy(owner_.loop.now() + kRefusalLinger);
  linger();
}

/// Reads and discards input: closing with unread input would reset the connection, and the alert
/// might not arrive.
void Inspector::linger() {
  (void)stream().flush();
  const IoResult r = stream().discardInput(kPiece);
  if (r.status == IoStatus::kBlocked || r.status == IoStatus::kOk)
    return stream().watch(true, stream().backlog() != 0);
  stage_ = Stage::kEnded;
  timer_.disarm();
  host_.onRefused(*this);
}

/// Ends the connection without an answer.
void Inspector::ended(CloseReason reason) {
  tell(reason);
  stage_ = Stage::kEnded;
  timer_.disarm();
  host_.onRefused(*this);
}

void Inspector::close(CloseReason reason) {
  if (stage_ == Stage::kEnded) return;
  stream().abort();
  if (stage_ == Stage::kLinger) {  // its line is logged already
    stage_ = Stage::kEnded;
    timer_.disarm();
    return host_.onRefused(*this);
  }
  ended(std::move(reason));
}

void Inspector::onTimer() {
  guarded([this] {
    if (stage_ == Stage::kLinger) {
      stage_ = Stage::kEnded;
      return host_.onRefused(*this);
    }
    if (owner_.loop.now() < accepted_ + entrance_->rules().inspectTimeout)
      return timer_.armBy(accepted_ + entrance_->rules().inspectTimeout);
    onSilence();
  });
}

/// The inspect-timeout has passed. A client that has sent nothing waits for a greeting.
void Inspector::onSilence() {
  if (stage_ == Stage::kHeader && entrance_->rules().acceptProxy == AcceptProxy::kRequired) {
    headerRefused(bytes_.empty() ? "no PROXY header came within inspect-timeout"
                                 : "the PROXY header was not complete within inspect-timeout");
    return;
  }
  if (bytes_.empty() && stage_ != Stage::kDialog) {
    stage_ = Stage::kBytes;
    if (entrance_->routes == nullptr) return hand(entrance_->services.front());
    const auto silent = entrance_->routes->silent(facts());
    if (silent) return hand(entrance_->services[static_cast<size_t>(*silent)]);
    owner_.counters.add(Counter::kNoService);
    return ended({CloseCause::kNoService, "",
                  "the client sent nothing within inspect-timeout, and no service is for raw "
                  "clients"});
  }
  ended({CloseCause::kHandshakeTimeout, "",
         stage_ == Stage::kDialog
             ? opening_->handshakeProgress()
             : fmt::format("the client sent {} bytes of a ClientHello or PROXY "
                           "header within inspect-timeout, and no more",
                           bytes_.size())});
}

/// Counts the failure in the process and, if the listener has one service, in the service.
void Inspector::count(const CloseReason& reason) const {
  CounterBlock& counters = owner_.counters;
  ServiceCell* cell = nullptr;
  if (entrance_->routes == nullptr)
    cell = cellOf(entrance_->services.front()->profile->counts.get(), owner_.index);
  if (cell != nullptr) cell->add(ServiceCount::kAccepted);
  const auto failed = [&](Counter counter) {
    counters.add(counter);
    if (cell != nullptr) cell->add(ServiceCount::kHandshakesFailed);
  };
  if (reason.cause == CloseCause::kProbe)
    counters.add(Counter::kProbes);
  else if (reason.cause == CloseCause::kHandshakeTimeout)
    failed(Counter::kHandshakesTimeout);
  else if (reason.cause == CloseCause::kClientTruncated || reason.cause == CloseCause::kClientReset)
    failed(Counter::kHandshakesClosed);
  else if (reason.cause == CloseCause::kTlsSent)
    failed(Counter::kHandshakesBadHello);
  countAlert(reason, counters);
}

void Inspector::tell(const CloseReason& reason) const {
  count(reason);
  owner_.logger.tell(levelOfCause(reason.cause), [&] {
    const Entrance& entrance = *entrance_;
    const bool known = entrance.routes == nullptr;
    RefusedConnection connection{.service = "-", .client = client(), .accepted = accepted_};
    if (known) connection.service = entrance.services.front()->profile->name;
    if (origin_ != nullptr) connection.proxy = &origin_->proxy;
    if (reason.cause == CloseCause::kProbe) connection.message = "probe";
    connection.serverName = serverName_;
    return refusalLine(connection, reason);
  });
}

}  // namespace culvert
