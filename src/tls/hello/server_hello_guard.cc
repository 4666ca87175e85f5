// SPDX-License-Identifier: GPL-3.0-or-later
// See server_hello_guard.h.
#include "tls/hello/server_hello_guard.h"

#include <algorithm>
#include <array>
#include <optional>

#include "tls/protocol/alert_number.h"
#include "tls/protocol/tls_names.h"
#include "tls/protocol/wire.h"

namespace culvert {
namespace {

using Bytes = std::span<const uint8_t>;

// A ServerHello has a few hundred bytes; with a post-quantum key share about 1200.
constexpr size_t kLongestServerHello = 8 * 1024;
constexpr size_t kRandom = 32;

// "DOWNGRD" and 1 (TLS 1.2) or 0 (older), at the end of the random bytes (RFC 8446 4.1.3)
constexpr std::array<uint8_t, 7> kDowngrade = {0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44};

/// The fields that both hellos have. `lists` is what follows the session id.
struct Fields {
  uint16_t version = 0;
  Bytes random, sessionId, rest;
};

std::optional<Fields> fieldsOf(Bytes message) {
  if (message.size() < kMessageHeader + 2 + kRandom + 1) return std::nullopt;
  Bytes body = message.subspan(kMessageHeader);
  Fields fields;
  fields.version = u16At(body, 0);
  fields.random = body.subspan(2, kRandom);
  const size_t id = body[2 + kRandom];
  body = body.subspan(2 + kRandom + 1);
  if (id > 32 || body.size() < id) return std::nullopt;
  fields.sessionId = body.first(id);
  fields.rest = body.subspan(id);
  return fields;
}

/// Calls visit(type, body) for each extension. Returns false if the list is malformed.
template <class Visit>
bool forEachExtension(Bytes list, Visit visit) {
  while (!list.empty()) {
    if (list.size() < 4) return false;
    const size_t length = u16At(list, 2);
    if (list.size() < 4 + length) return false;
    visit(u16At(list, 0), list.subspan(4, length));
    list = list.subspan(4 + length);
  }
  return true;
}

/// What culvert's own hello offers. It was made here, so it is well formed.
struct Offer {
  Bytes sessionId;
  Bytes suites;
  Bytes extensions;
  bool has(uint16_t extension) const {
    bool found = false;
    forEachExtension(extensions, [&](uint16_t type, Bytes) { found = found || type == extension; });
    return found;
  }
  bool hasSuite(uint16_t suite) const {
    for (size_t i = 0; i + 2 <= suites.size(); i += 2)
      if (u16At(suites, i) == suite) return true;
    return false;
  }
  bool hasVersion(uint16_t version) const {
    if (!has(kSupportedVersionsExtension)) return version == kTls12;
    bool found = false;
    forEachExtension(extensions, [&](uint16_t type, Bytes body) {
      if (type != kSupportedVersionsExtension) return;
      for (size_t i = 1; i + 2 <= body.size(); i += 2) found = found || u16At(body, i) == version;
    });
    return found;
  }
};

/// Signalling values are in the list of suites, but a server cannot choose them.
bool isSignal(uint16_t suite) { return suite == kRenegotiationScsv || suite == kFallbackScsv; }

bool isSuite13(uint16_t suite) { return suite >> 8 == 0x13; }

std::optional<Offer> offerOf(Bytes message) {
  const auto fields = fieldsOf(message);
  if (!fields || fields->rest.size() < 2) return std::nullopt;
  Bytes rest = fields->rest;
  const size_t suites = u16At(rest, 0);
  if (rest.size() < 2 + suites + 1) return std::nullopt;
  Offer offer{fields->sessionId, rest.subspan(2, suites), {}};
  rest = rest.subspan(2 + suites);
  const size_t compressions = rest[0];
  if (rest.size() < 1 + compressions + 2) return offer;  // TLS 1.2 without extensions
  offer.extensions = rest.subspan(1 + compressions + 2);
  return offer;
}

constexpr ServerHelloVerdict bad(uint8_t alert, std::string_view reason) { return {alert, reason}; }

/// What a ServerHello says in its extensions.
struct Answer {
  ServerHelloVerdict fault;
  bool retry = false;
  bool changesHello = false;  // a HelloRetryRequest asks for another key share, or has a cookie
  std::optional<uint16_t> chosen = {};  // supported_versions
};

Answer readAnswer(Bytes list, const Offer& offer, bool retry) {
  Answer answer{.fault = {}, .retry = retry};
  std::vector<uint16_t> seen;
  const bool sound = forEachExtension(list, [&](uint16_t type, Bytes body) {
    if (!answer.fault.reason.empty()) return;
    if (std::find(seen.begin(), seen.end(), type) != seen.end())
      answer.fault = bad(Alert::illegal_parameter, "the ServerHello has an extension twice");
    seen.push_back(type);
    // The signalling suite asks for renegotiation_info, too (RFC 5746 3.4).
    const bool asked = offer.has(type) || (retry && type == kCookieExtension) ||
                       (type == kRenegotiationInfoExtension && offer.hasSuite(kRenegotiationScsv));
    if (!asked)
      answer.fault = bad(Alert::unsupported_extension,
                         "the ServerHello has an extension that was not offered");
    if (type == kKeyShareExtension || type == kCookieExtension) answer.changesHello = true;
    if (type != kSupportedVersionsExtension) return;
    if (body.size() == 2)
      answer.chosen = u16At(body, 0);
    else if (asked)
      answer.fault = bad(Alert::decode_error, "the ServerHello is malformed");
  });
  if (!sound) answer.fault = bad(Alert::decode_error, "the ServerHello is malformed");
  if (answer.fault.reason.empty() && answer.chosen == kTls13) {
    for (const uint16_t type : seen) {
      const bool allowed = type == kSupportedVersionsExtension || type == kKeyShareExtension ||
                           type == (retry ? kCookieExtension : kPreSharedKeyExtension);
      if (!allowed)
        answer.fault = bad(Alert::illegal_parameter,
                           "the ServerHello has an extension that belongs elsewhere");
    }
  }
  return answer;
}

bool marksDowngrade(Bytes random) {
  const Bytes mark = random.last(8);
  return std::equal(kDowngrade.begin(), kDowngrade.end(), mark.begin()) && mark[7] <= 1;
}

/// Judges a ServerHello without supported_versions: its version is in the old field.
ServerHelloVerdict judgeOldVersion(const Fields& fields, const Answer& answer, const Offer& offer) {
  if (answer.retry)
    return bad(Alert::missing_extension, "the HelloRetryRequest has no supported_versions");
  if (fields.version != kTls12 || !offer.hasVersion(kTls12))
    return bad(Alert::protocol_version, "the server chose a version that was not offered");
  if (offer.hasVersion(kTls13) && marksDowngrade(fields.random))
    return bad(Alert::illegal_parameter,
               "the server knows TLS 1.3, so somebody on the path has forced TLS 1.2");
  return {};
}

ServerHelloVerdict judgeVersion(const Fields& fields, const Answer& answer, const Offer& offer) {
  if (!answer.chosen) return judgeOldVersion(fields, answer, offer);
  if (answer.chosen != kTls13 || !offer.hasVersion(kTls13))
    return bad(Alert::illegal_parameter, "the ServerHello has a wrong supported_versions");
  if (fields.version != kTls12)
    return bad(Alert::illegal_parameter, "the ServerHello has a wrong legacy_version");
  if (!std::equal(fields.sessionId.begin(), fields.sessionId.end(), offer.sessionId.begin(),
                  offer.sessionId.end()))
    return bad(Alert::illegal_parameter, "the ServerHello does not echo the session id");
  if (answer.retry && !answer.changesHello)
    return bad(Alert::illegal_parameter, "the HelloRetryRequest asks for no change of the hello");
  return {};
}

}  // namespace

ServerHelloVerdict judgeServerHello(Bytes message, Bytes offered) {
  const auto offer = offerOf(offered);
  const auto fields = fieldsOf(message);
  if (!offer) return {};  // culvert's own hello is not known
  if (!fields || fields->rest.size() < 3)
    return bad(Alert::decode_error, "the ServerHello is malformed");
  Bytes rest = fields->rest;
  const uint16_t suite = u16At(rest, 0);
  if (!offer->hasSuite(suite) || isSignal(suite))
    return bad(Alert::illegal_parameter, "the server chose a suite that was not offered");
  if (rest[2] != 0) return bad(Alert::illegal_parameter, "the server chose a compression");
  rest = rest.subspan(3);
  if (!rest.empty()) {
    if (rest.size() < 2 || u16At(rest, 0) != rest.size() - 2)
      return bad(Alert::decode_error, "the ServerHello is malformed");
    rest = rest.subspan(2);
  }
  const bool retry = std::equal(kRetryRandom.begin(), kRetryRandom.end(), fields->random.begin());
  const Answer answer = readAnswer(rest, *offer, retry);
  if (!answer.fault.reason.empty()) return answer.fault;
  ServerHelloVerdict verdict = judgeVersion(*fields, answer, *offer);
  if (!verdict.reason.empty()) return verdict;
  verdict.retry = retry;
  verdict.tls13 = answer.chosen.has_value();
  verdict.suite = suite;
  if (isSuite13(suite) != verdict.tls13)
    return bad(Alert::illegal_parameter, "the server chose a suite of another TLS version");
  return verdict;
}

void ServerHelloGuard::offered(Bytes records) {
  offered_.clear();
  while (records.size() > kRecordHeader) {
    const size_t size = u16At(records, 3);
    if (records.size() < kRecordHeader + size) break;
    if (records[0] == kHandshakeRecord)
      offered_.insert(offered_.end(), records.begin() + kRecordHeader,
                      records.begin() + static_cast<ptrdiff_t>(kRecordHeader + size));
    records = records.subspan(kRecordHeader + size);
  }
}

RecordVerdict ServerHelloGuard::inspect(Bytes bytes) {
  if (answered()) return {};
  if (bytes.empty()) return {RecordVerdict::kMore};
  const uint8_t type = bytes[0];
  // A change_cipher_spec may stand behind a HelloRetryRequest, but not inside a ServerHello.
  if (type != kHandshakeRecord && type != kAlertRecord &&
      !(type == kChangeCipherSpec && state_ == State::kRetried && message_.empty()))
    return {RecordVerdict::kRefuse, Alert::unexpected_message, 0,
            "the backend does not answer with TLS"};
  if (bytes.size() < kRecordHeader) return {RecordVerdict::kMore};
  const size_t length = u16At(bytes, 3);
  if (bytes[1] != 3)
    return {RecordVerdict::kRefuse, Alert::protocol_version, 0,
            "the backend does not answer with TLS"};
  if (length > kMaxPlaintext)
    return {RecordVerdict::kRefuse, Alert::record_overflow, 0,
            "a record is longer than 2^14 bytes"};
  if (bytes.size() < kRecordHeader + length) return {RecordVerdict::kMore};
  const Bytes body = bytes.subspan(kRecordHeader, length);
  if (type != kHandshakeRecord) return {};
  if (body.empty())
    return {RecordVerdict::kRefuse, Alert::unexpected_message, 0, "an empty handshake record"};
  return inspectHandshake(body);
}

RecordVerdict ServerHelloGuard::inspectHandshake(Bytes body) {
  message_.insert(message_.end(), body.begin(), body.end());
  if (message_[0] != kServerHello)
    return {RecordVerdict::kRefuse, Alert::unexpected_message, 0,
            "the first message of the backend is not a ServerHello"};
  if (message_.size() < kMessageHeader) return {};
  const size_t size = kMessageHeader + u24At(message_, 1);
  if (size > kLongestServerHello)
    return {RecordVerdict::kRefuse, Alert::decode_error, 0, "the ServerHello is too long"};
  if (message_.size() < size) return {};
  const ServerHelloVerdict verdict = judgeServerHello(Bytes(message_).first(size), offered_);
  const bool alone = message_.size() == size;
  message_ = {};
  return accept(verdict, alone);
}

/// `alone` is false if more bytes are in the record of the message.
RecordVerdict ServerHelloGuard::accept(const ServerHelloVerdict& verdict, bool alone) {
  if (!verdict.reason.empty()) return {RecordVerdict::kRefuse, verdict.alert, 0, verdict.reason};
  const bool retried = state_ == State::kRetried;
  if (retried && verdict.retry)
    return {RecordVerdict::kRefuse, Alert::unexpected_message, 0, "a second HelloRetryRequest"};
  if (retried && (!verdict.tls13 || verdict.suite != retrySuite_))
    return {RecordVerdict::kRefuse, Alert::illegal_parameter, 0,
            "the ServerHello has another version or suite than the HelloRetryRequest"};
  // The keys change behind a ServerHello of TLS 1.3 (RFC 8446 5.1).
  if (verdict.tls13 && !alone)
    return {RecordVerdict::kRefuse, Alert::unexpected_message, 0,
            verdict.retry ? "a message follows the HelloRetryRequest"
                          : "a message follows the ServerHello in its record"};
  state_ = verdict.retry ? State::kRetried : State::kDone;
  retrySuite_ = verdict.suite;
  if (answered()) offered_ = {};
  return {};
}

}  // namespace culvert
