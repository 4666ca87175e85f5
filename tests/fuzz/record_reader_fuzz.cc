// SPDX-License-Identifier: GPL-3.0-or-later
// Compares RecordReader with wolfSSL's record layer. The input chooses records: type, content,
// padding, damage and cuts. Both readers get them in the same established session, and have to give
// the same plaintext and the same end. A difference is allowed only where `differs` names it.
//
// modules: tls/session tls/credentials
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "tls/credentials/self_signed.h"
#include "tls/hello/hello_gatherer.h"
#include "tls/library/tls_library.h"
#include "tls/library/wolfssl.h"
#include "tls/protocol/alert_number.h"
#include "tls/record/record_reader.h"
#include "tls/session/session_export.h"
#include "tls/session/tls_context.h"
#include "unit/tls/support/peer_records.h"

namespace culvert {
namespace {

using Bytes = RecordBytes;
using Kind = RecordReader::Outcome::Kind;

constexpr size_t kFifo = 64 * 1024;
constexpr std::string_view kChangeCipherSpecLate = "a change_cipher_spec after the handshake";
constexpr std::string_view kBetween = "a record is between the parts of a handshake message";
constexpr size_t kMostSteps = 10;  // each makes at most three records: fewer than a flood
static_assert(3 * kMostSteps < IdleRecords::kMost);

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "property broken: %s\n", what);
  std::abort();
}

/// Reads the choices; zeroes behind their end.
class Choices {
 public:
  Choices(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool over() const { return at_ >= size_; }
  uint8_t byte() { return over() ? 0 : data_[at_++]; }
  size_t below(size_t limit) { return (byte() << 8 | byte()) % limit; }
  Bytes bytes(size_t size) {
    Bytes result(size);
    for (uint8_t& b : result) b = byte();
    return result;
  }

 private:
  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
};

// --- the session that wolfSSL keeps ------------------------------------------------------------

struct Pipes : TlsIoContext {
  std::deque<uint8_t>* in;
  std::deque<uint8_t>* out;
};

int receive(WOLFSSL*, char* into, int size, void* context) {
  std::deque<uint8_t>& in = *static_cast<Pipes*>(static_cast<TlsIoContext*>(context))->in;
  if (in.empty()) return WOLFSSL_CBIO_ERR_WANT_READ;
  const auto count = std::min<std::ptrdiff_t>(size, static_cast<std::ptrdiff_t>(in.size()));
  std::copy(in.begin(), in.begin() + count, into);
  in.erase(in.begin(), in.begin() + count);
  return static_cast<int>(count);
}

int transmit(WOLFSSL*, char* from, int size, void* context) {
  std::deque<uint8_t>& out = *static_cast<Pipes*>(static_cast<TlsIoContext*>(context))->out;
  out.insert(out.end(), from, from + size);
  return size;
}

constexpr std::array<const char*, 6> kSuites = {
    "TLS13-AES128-GCM-SHA256",        "TLS13-AES256-GCM-SHA384",
    "TLS13-CHACHA20-POLY1305-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",  "ECDHE-ECDSA-CHACHA20-POLY1305"};

/// The contexts of one suite, for all its sessions.
struct Contexts {
  explicit Contexts(size_t suite) {
    static const auto credentials = makeSelfSigned({"www.example.org"})->credentials;
    const bool tls13 = suite < 3;
    TlsSettings settings;
    settings.service = "fuzz";
    auto made = TlsContext::create(settings, *credentials, nullptr, receive, transmit);
    require(made.has_value(), "the server has a context");
    server = std::make_unique<TlsContext>(std::move(*made));
    client = wolfSSL_CTX_new(tls13 ? wolfTLSv1_3_client_method() : wolfTLSv1_2_client_method());
    wolfSSL_CTX_set_verify(client, WOLFSSL_VERIFY_NONE, nullptr);
    wolfSSL_CTX_SetIORecv(client, receive);
    wolfSSL_CTX_SetIOSend(client, transmit);
    require(wolfSSL_CTX_set_cipher_list(client, kSuites[suite]) == WOLFSSL_SUCCESS, "suites");
  }
  ~Contexts() { wolfSSL_CTX_free(client); }
  Contexts(const Contexts&) = delete;
  Contexts& operator=(const Contexts&) = delete;

  std::unique_ptr<TlsContext> server;
  WOLFSSL_CTX* client;
};

class Session {
 public:
  explicit Session(Contexts& contexts) {
    client_ = wolfSSL_new(contexts.client);
    wolfSSL_SetIOReadCtx(client_, static_cast<TlsIoContext*>(&clientIo_));
    wolfSSL_SetIOWriteCtx(client_, static_cast<TlsIoContext*>(&clientIo_));
    (void)wolfSSL_connect(client_);
    ClientHello hello;
    HelloGatherer gatherer;
    const Bytes first(toServer_.begin(), toServer_.end());
    require(gatherer.feed(first, hello).status == HelloStatus::kComplete, "the hello is complete");
    auto made = contexts.server->newSession(hello, serverIo_);
    require(made.has_value(), "the server has a session");
    server_ = std::move(*made);
    for (int i = 0; i < 4; ++i) {
      (void)wolfSSL_accept(server_.get());
      (void)wolfSSL_connect(client_);
    }
    require(wolfSSL_is_init_finished(server_.get()) == 1, "the handshake is done");
    require(wolfSSL_is_init_finished(client_) == 1, "the client is done, too");
    toServer_.clear();
  }
  ~Session() { wolfSSL_free(client_); }
  Session(const Session&) = delete;

  bool exportKeys(SessionKeys& keys) {
    return exportSession(server_.get(), keys) == ExportResult::kDone;
  }
  /// Reads one piece of the wire. Returns kMore, kEnd, or kRefuse for every error.
  Kind read(std::span<const uint8_t> piece, Bytes& plaintext) {
    toServer_.insert(toServer_.end(), piece.begin(), piece.end());
    std::array<uint8_t, 16384> buffer;
    for (;;) {
      const int got = wolfSSL_read(server_.get(), buffer.data(), buffer.size());
      toClient_.clear();
      if (got > 0) {
        plaintext.insert(plaintext.end(), buffer.begin(), buffer.begin() + got);
        continue;
      }
      error_ = wolfSSL_get_error(server_.get(), got);
      if (error_ == WOLFSSL_ERROR_WANT_READ || error_ == WOLFSSL_ERROR_WANT_WRITE)
        return Kind::kMore;
      return error_ == WOLFSSL_ERROR_ZERO_RETURN ? Kind::kEnd : Kind::kRefuse;
    }
  }
  int error() const { return error_; }

 private:
  std::deque<uint8_t> toServer_;
  std::deque<uint8_t> toClient_;
  Pipes clientIo_{{}, &toClient_, &toServer_};
  Pipes serverIo_{{}, &toServer_, &toClient_};
  WOLFSSL* client_ = nullptr;
  TlsSession server_;
  int error_ = 0;
};

/// Returns a new session, and its keys. A handshake takes less than a millisecond.
std::unique_ptr<Session> newSession(size_t suite, SessionKeys& keys) {
  static std::array<std::unique_ptr<Contexts>, kSuites.size()> contexts;
  if (contexts[suite] == nullptr) contexts[suite] = std::make_unique<Contexts>(suite);
  auto session = std::make_unique<Session>(*contexts[suite]);
  require(session->exportKeys(keys), "wolfSSL exports the session");
  return session;
}

// --- the records -------------------------------------------------------------------------------

class Wire {
 public:
  Wire(Choices& choices, const SessionKeys& keys)
      : choices_(choices), tls13_(keys.cipher.tls13), peer_(keys.cipher, keys.in) {}

  Bytes make() {
    for (size_t i = 0; i < kMostSteps && !choices_.over(); ++i) addOne();
    return std::move(wire_);
  }
  bool tls13() const { return tls13_; }
  bool hasOddAlert() const { return oddAlert_; }
  bool hasFatalClose() const { return fatalClose_; }

 private:
  void addOne() {
    const uint8_t op = choices_.byte();
    switch (op % 16) {
      case 0:
      case 1:
        return seal(kApplicationData, choices_.bytes(choices_.byte() % 64));
      case 2:  // around the limits
        return seal(kApplicationData, Bytes(16384 + 2 - choices_.byte() % 5, 'x'));
      case 3:
        return seal(kApplicationData, Bytes(choices_.below(16400), 'y'));
      case 4:
        return seal(kApplicationData, {});
      case 5:
      case 6:
        return seal(kAlertRecord, choices_.bytes(op < 0xe0 ? 2 : choices_.byte() % 4));
      case 7:
        return seal(kHandshakeRecord, choices_.bytes(choices_.byte() % 16));
      case 8:
      case 9:
      case 10:
        return keyUpdate();
      case 11:
        return clientHello();
      case 12:
        return seal(choices_.byte(), choices_.bytes(choices_.byte() % 8));
      case 13: {
        const Bytes raw = choices_.bytes(choices_.byte() % 32);
        wire_.insert(wire_.end(), raw.begin(), raw.end());
        return;
      }
      case 14:
        damage_ = true;
        return;
      default:
        return tls13_ ? add(peer_.sealInner(Bytes(choices_.below(16700), op >> 7))) : addOne();
    }
  }
  void seal(uint8_t type, const Bytes& content) {
    if (type == kAlertRecord && (content.empty() || content[0] != 2)) oddAlert_ = true;
    if (type == kAlertRecord && content == Bytes{2, Alert::close_notify}) fatalClose_ = true;
    const uint8_t how = tls13_ ? choices_.byte() : 0;
    const size_t padding = how < 0x80 ? 0
                           : how < 0xf0
                               ? how % 80
                               : std::max<size_t>(16386, content.size()) - content.size() - how % 4;
    add(peer_.seal(type, content, padding));
  }
  void add(Bytes record) {
    if (std::exchange(damage_, false)) {
      const size_t at = choices_.below(record.size());
      record[at] ^= choices_.byte();
    }
    wire_.insert(wire_.end(), record.begin(), record.end());
  }
  /// A message in one record or two. Returns it whole.
  void split(const Bytes& message) {
    const size_t cut = choices_.byte() % (2 * message.size());
    if (cut == 0 || cut >= message.size()) return seal(kHandshakeRecord, message);
    seal(kHandshakeRecord, {message.begin(), message.begin() + static_cast<std::ptrdiff_t>(cut)});
    if (choices_.byte() > 0xf0) seal(kApplicationData, {1});
    seal(kHandshakeRecord, {message.begin() + static_cast<std::ptrdiff_t>(cut), message.end()});
  }
  void keyUpdate() {
    const uint8_t value = choices_.byte();
    split({kKeyUpdate, 0, 0, 1, static_cast<uint8_t>(value < 0xf0 ? value & 1 : value)});
    if (tls13_ && value < 0xf8) peer_.update();
  }
  void clientHello() {
    const size_t size = choices_.byte() % 64;
    Bytes message = {kClientHello, 0, 0, static_cast<uint8_t>(size)};
    const Bytes body = choices_.bytes(size);
    message.insert(message.end(), body.begin(), body.end());
    split(message);
  }

  Choices& choices_;
  const bool tls13_;
  PeerRecords peer_;
  Bytes wire_;
  bool damage_ = false;
  bool oddAlert_ = false;
  bool fatalClose_ = false;
};

// --- the comparison ----------------------------------------------------------------------------

struct Result {
  Kind kind = Kind::kMore;
  Bytes plaintext;
  std::string_view reason;
  uint8_t alert = 0;
};

class Culvert {
 public:
  explicit Culvert(const SessionKeys& keys) : reader_(cache_, pool_, keys) {}

  Result read(std::span<const uint8_t> wire, Choices& cuts) {
    Result result;
    while (!wire.empty() && result.kind == Kind::kMore) {
      const size_t most = reader_.receivable(fifo_.room());
      const uint8_t choice = cuts.byte();
      const size_t size = choice == 0 ? most : choice < 0x80 ? choice : 1 + cuts.below(20'000);
      const std::span<const uint8_t> piece = wire.first(std::min({wire.size(), most, size}));
      wire = wire.subspan(piece.size());
      readPiece(piece, choice % 2 == 0, result);
      // The FIFO drains in part, so that it wraps.
      drain(choice % 4 == 3 ? choice * size_t{16} : 0, result.plaintext);
    }
    drain(0, result.plaintext);
    return result;
  }

 private:
  void readPiece(std::span<const uint8_t> piece, bool useMissing, Result& result) {
    const std::span<uint8_t> missing = useMissing ? reader_.missing() : std::span<uint8_t>();
    const size_t filled = std::min(missing.size(), piece.size());
    std::copy_n(piece.begin(), filled, missing.begin());
    Bytes input(piece.begin() + static_cast<std::ptrdiff_t>(filled), piece.end());
    const RecordReader::Outcome outcome = reader_.read(filled, input, fifo_, TimePoint{});
    require(outcome.kind != Kind::kNoMemory, "what may be received fits into the FIFO");
    require((outcome.kind == Kind::kRefuse) == !outcome.reason.empty(), "a refusal has a reason");
    result.kind = outcome.kind;
    result.alert = outcome.alert;
    result.reason = outcome.reason;
  }
  void drain(size_t keep, Bytes& into) {
    while (fifo_.size() > keep) {
      const size_t most = std::min(fifo_.readable().size(), fifo_.size() - keep);
      const std::span<const uint8_t> some = fifo_.readable().first(most);
      into.insert(into.end(), some.begin(), some.end());
      fifo_.consume(some.size());
    }
  }

  KeyCache cache_;
  BufferPool pool_;
  RingBuffer fifo_{pool_, kFifo};
  RecordReader reader_;
};

bool startsWith(const Bytes& whole, const Bytes& start) {
  return start.size() <= whole.size() && std::equal(start.begin(), start.end(), whole.begin());
}

/// Returns whether culvert refuses a record for this reason before the body arrives.
bool isOfHeader(std::string_view reason) {
  return reason == "a record of an unknown type" || reason == "a record that is not encrypted" ||
         reason == "an alert that is not encrypted" ||
         reason == "a record has another version than the session" ||
         reason == "a record is longer than 2^14+256 bytes" ||
         reason == "a record carries more than 2^14 bytes";
}

/// Returns whether the readers may read differently.
bool mayDiffer(const Wire& wire, const Result& ours, Kind theirs, int error,
               const Bytes& plaintext) {
  const bool same = ours.plaintext == plaintext;
  const bool less = startsWith(plaintext, ours.plaintext);
  // wolfSSL ignores an alert of an unknown level, takes a warning of decrypt_error for fatal, and ends
  // a session at the fifth alert. So the readers may end at different records, with the same start.
  if (wire.hasOddAlert() || error == ALERT_COUNT_E)
    return less || startsWith(ours.plaintext, plaintext);
  // An error alert ends both.
  if (ours.kind == Kind::kReceived) return same && theirs != Kind::kMore;
  // In TLS 1.2, culvert also reads over a ClientHello that wolfSSL finds too long.
  if (!wire.tls13() && ours.kind == Kind::kMore && error == OUT_OF_ORDER_E) return same;
  // culvert ignores the level of a close_notify.
  if (ours.kind == Kind::kEnd && theirs == Kind::kRefuse && wire.hasFatalClose()) return same;
  // culvert refuses payload between the parts of a message in TLS 1.2, too.
  if (ours.kind == Kind::kRefuse && !wire.tls13() && ours.reason == kBetween) return less;
  // culvert refuses a change_cipher_spec, which wolfSSL may ignore. And it judges a record by its
  // header, where wolfSSL waits for the body.
  if (ours.kind == Kind::kRefuse && ours.reason == kChangeCipherSpecLate) return less;
  if (ours.kind == Kind::kRefuse && theirs == Kind::kMore && isOfHeader(ours.reason)) return same;
  return false;
}

void compare(const SessionKeys& keys, Session& session, Wire& wire, Choices& choices) {
  const Bytes bytes = wire.make();
  Culvert culvert(keys);
  const Result ours = culvert.read(bytes, choices);
  Bytes plaintext;
  const Kind theirs = session.read(bytes, plaintext);
  if (ours.kind == theirs && ours.plaintext == plaintext) return;
  if (mayDiffer(wire, ours, theirs, session.error(), plaintext)) return;
  std::fprintf(
      stderr, "culvert: outcome %d, %zu bytes, alert %d %.*s; wolfSSL: outcome %d, %zu bytes, %d\n",
      static_cast<int>(ours.kind), ours.plaintext.size(), ours.alert,
      static_cast<int>(ours.reason.size()), ours.reason.data(), static_cast<int>(theirs),
      plaintext.size(), session.error());
  require(false, "culvert and wolfSSL read the same");
}

}  // namespace
}  // namespace culvert

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;
  static const bool ready = initTlsLibrary().has_value();
  require(ready, "the library is ready");
  if (size < 2) return 0;
  SessionKeys keys;
  const auto session = newSession(data[0] % kSuites.size(), keys);
  // The cuts are at the end of the input, so that they need not change with the records.
  const size_t cuts = std::min<size_t>(data[1] % 16, size - 2);
  Choices records(data + 2, size - 2 - cuts);
  Choices pieces(data + size - cuts, cuts);
  Wire wire(records, keys);
  compare(keys, *session, wire, pieces);
  return 0;
}
