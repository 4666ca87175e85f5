// SPDX-License-Identifier: GPL-3.0-or-later
// Parses one complete ClientHello message. The parser checks every length field against the number
// of remaining bytes before it uses the length. The parser copies only the server name. The CPU
// time grows linearly with the size of the message.
#include "tls/hello/client_hello.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <memory>

#include "base/ascii.h"
#include "base/big_endian.h"
#include "tls/hello/hello_gatherer.h"
#include "tls/protocol/alert_number.h"
#include "tls/protocol/tls_names.h"
#include "tls/protocol/wire.h"

namespace culvert {

namespace {

/// Reads fields from the front of a span. A read past the end sets `bad` and returns zeros.
struct Reader {
  std::span<const uint8_t> rest;
  bool bad = false;

  std::span<const uint8_t> bytes(size_t count) {
    if (count > rest.size()) {
      bad = true;
      rest = {};
      return {};
    }
    auto taken = rest.first(count);
    rest = rest.subspan(count);
    return taken;
  }
  uint8_t u8() {
    auto b = bytes(1);
    return b.empty() ? uint8_t{0} : b[0];
  }
  uint16_t u16() {
    auto b = bytes(2);
    return b.empty() ? uint16_t{0} : u16At(b, 0);
  }
  std::span<const uint8_t> vector8() { return bytes(u8()); }
  std::span<const uint8_t> vector16() { return bytes(u16()); }
  bool done() const { return rest.empty() && !bad; }
};

/// A set of 16-bit numbers. A small set is an array, which is large enough for the hellos of common
/// clients. A larger set is a bitmap of 8 KiB, so that the CPU time to find duplicates stays
/// linear.
class NumberSet {
 public:
  /// Adds `value`. Returns false if the set already contained `value`.
  bool insert(uint16_t value) {
    if (contains(value)) return false;
    if (map_ == nullptr && count_ == few_.size()) spread();
    if (map_ != nullptr) {
      map_->set(value);
    } else {
      few_[count_++] = value;
    }
    return true;
  }
  /// Removes `value`. Returns false if the set did not contain `value`.
  bool remove(uint16_t value) {
    if (map_ != nullptr) {
      const bool there = map_->test(value);
      map_->reset(value);
      return there;
    }
    uint16_t* end = few_.data() + count_;
    uint16_t* at = std::find(few_.data(), end, value);
    if (at == end) return false;
    *at = few_[--count_];
    return true;
  }

 private:
  bool contains(uint16_t value) const {
    if (map_ != nullptr) return map_->test(value);
    return std::find(few_.data(), few_.data() + count_, value) != few_.data() + count_;
  }
  void spread() {
    map_ = std::make_unique<std::bitset<65536>>();
    for (uint16_t value : few_) map_->set(value);
  }

  std::array<uint16_t, 32> few_;
  size_t count_ = 0;
  std::unique_ptr<std::bitset<65536>> map_;
};

enum Extension : uint16_t {
  kServerName = 0,
  kMaxFragmentLength = 1,
  kStatusRequest = 5,
  kSupportedGroups = 10,
  kPointFormats = 11,
  kSignatureAlgorithms = 13,
  kAlpn = 16,
  kExtendedMasterSecret = 23,
  kRecordSizeLimit = 28,
  kSessionTicket = 35,
  kPskModes = 45,
  kSignatureAlgorithmsCert = 50,
};

/// An error found in the hello. An empty `reason` means that there is no error.
struct Fault {
  uint8_t alert = 0;
  std::string_view reason;
};

Fault decodeError(std::string_view reason) { return {Alert::decode_error, reason}; }
Fault illegal(std::string_view reason) { return {Alert::illegal_parameter, reason}; }

bool hostCharacter(uint8_t byte) {
  const char c = static_cast<char>(byte);
  return isAlnum(c) || c == '-' || c == '.' || c == '_' ||
         c == ':';  // some clients send IPv6 addresses, although RFC 6066 forbids them
}

/// Parses server_name (RFC 6066 3): a list of typed names with at most one name of each type.
/// host_name (0) is the only type defined.
Fault parseServerName(Reader body, ClientHello& out) {
  Reader list{body.vector16()};
  if (!body.done() || list.rest.empty()) return decodeError("server_name extension is malformed");
  NumberSet seen;
  while (!list.rest.empty()) {
    uint8_t type = list.u8();
    auto name = list.vector16();
    if (list.bad || name.empty()) return decodeError("server_name extension is malformed");
    if (!seen.insert(type)) return illegal("server_name extension names two hosts");
    if (type != 0) continue;
    if (name.size() > 1 && name.back() == '.') name = name.first(name.size() - 1);
    if (name.size() > 253) return illegal("server name is longer than 253 characters");
    if (!std::all_of(name.begin(), name.end(), hostCharacter))
      return illegal("server name has a character that host names must not have");
    out.serverName.resize(name.size());
    std::transform(name.begin(), name.end(), out.serverName.begin(),
                   [](uint8_t c) { return lower(static_cast<char>(c)); });
  }
  return {};
}

/// Parses the ALPN extension (RFC 7301 3.1).
Fault parseAlpn(Reader body, ClientHello& out) {
  auto names = body.vector16();
  if (!body.done() || names.size() < 2) return decodeError("ALPN extension is malformed");
  for (Reader list{names}; !list.rest.empty();) {
    if (list.vector8().empty())
      return decodeError("ALPN extension is malformed");  // the name is empty or truncated
  }
  out.alpnList = names;
  return {};
}

/// Parses key_share (RFC 8446 4.2.8). Once all extensions are parsed, a later check makes sure that
/// the group of each key share is in supported_groups and occurs only once.
Fault parseKeyShares(Reader body, ClientHello& out) {
  auto shares = body.vector16();
  if (!body.done()) return decodeError("key_share extension is malformed");
  for (Reader list{shares}; !list.rest.empty();) {
    list.u16();
    if (list.vector16().empty()) return decodeError("key_share extension is malformed");
  }
  out.hasKeyShare = true;
  out.keyShares = shares;
  return {};
}

/// Parses pre_shared_key (RFC 8446 4.2.11): a list of identities and an equally long list of
/// binders.
Fault parsePreSharedKey(Reader body, ClientHello& out) {
  constexpr std::string_view kBad = "pre_shared_key extension is malformed";
  Reader identities{body.vector16()};
  Reader binders{body.vector16()};
  if (!body.done() || identities.rest.empty() || binders.rest.empty()) return decodeError(kBad);
  out.tickets13 = identities.rest;
  size_t identityCount = 0;
  size_t binderCount = 0;
  for (; !identities.rest.empty(); ++identityCount) {
    bool empty = identities.vector16().empty();
    identities.bytes(4);  // obfuscated_ticket_age
    if (empty || identities.bad) return decodeError(kBad);
  }
  for (; !binders.rest.empty(); ++binderCount)
    if (binders.vector8().size() < 32) return decodeError(kBad);
  if (identityCount != binderCount)
    return illegal("pre_shared_key does not have one binder for each identity");
  return {};
}

Fault parseU16List(std::span<const uint8_t> list, bool done, U16List& out,
                   std::string_view reason) {
  if (!done || list.empty() || list.size() % 2 != 0) return decodeError(reason);
  out = U16List(list);
  return {};
}

Fault parsePointFormats(Reader body, ClientHello& out) {
  auto formats = body.vector8();
  if (!body.done() || formats.empty())
    return decodeError("ec_point_formats extension is malformed");
  out.lacksUncompressed = std::find(formats.begin(), formats.end(), 0) == formats.end();
  return {};
}

/// Parses status_request (RFC 6066 8). Does not check the content of undefined status types.
Fault parseStatusRequest(Reader body, ClientHello& out) {
  constexpr uint8_t kOcsp = 1;
  constexpr std::string_view kBad = "status_request extension is malformed";
  if (body.u8() != kOcsp) return body.bad ? decodeError(kBad) : Fault{};
  Reader ids{body.vector16()};
  body.vector16();  // request_extensions
  if (!body.done()) return decodeError(kBad);
  while (!ids.rest.empty())
    if (ids.vector16().empty()) return decodeError(kBad);
  out.statusRequest = true;
  return {};
}

/// Parses record_size_limit (RFC 8449 4).
Fault parseRecordLimit(Reader body, ClientHello& out) {
  constexpr uint16_t kLeast = 64;
  out.recordLimit = body.u16();
  if (!body.done()) return decodeError("record_size_limit extension is malformed");
  if (out.recordLimit < kLeast) return illegal("record_size_limit is below 64");
  return {};
}

/// Checks max_fragment_length (RFC 6066 4). Ignores it if the hello also has record_size_limit (RFC
/// 8449 5).
Fault judgeFragmentLength(ClientHello& out) {
  constexpr uint8_t kMost = 4;  // the code for 4096 bytes
  if (out.recordLimit != 0) out.maxFragment = 0;
  if (out.maxFragment > kMost) return illegal("max_fragment_length has an unknown value");
  return {};
}

Fault parseRenegotiationInfo(Reader body) {
  auto verify = body.vector8();
  if (!body.done()) return decodeError("renegotiation_info extension is malformed");
  if (!verify.empty())
    return {Alert::handshake_failure,
            "renegotiation_info of a first hello is not empty"};  // RFC 5746 3.6
  return {};
}

Fault parseExtension(uint16_t type, std::span<const uint8_t> bytes, ClientHello& out) {
  Reader body{bytes};
  switch (type) {
    case kServerName:
      return parseServerName(body, out);
    case kAlpn:
      return parseAlpn(body, out);
    case kKeyShareExtension:
      return parseKeyShares(body, out);
    case kPointFormats:
      return parsePointFormats(body, out);
    case kStatusRequest:
      return parseStatusRequest(body, out);
    case kRecordSizeLimit:
      return parseRecordLimit(body, out);
    case kMaxFragmentLength:
      out.maxFragment = body.u8();
      if (!body.done()) return decodeError("max_fragment_length extension is malformed");
      if (out.maxFragment == 0) out.maxFragment = 0xff;  // 0 would mean absent
      return {};
    case kRenegotiationInfoExtension:
      return parseRenegotiationInfo(body);
    case kSupportedVersionsExtension: {
      auto list = body.vector8();
      return parseU16List(list, body.done(), out.supportedVersions,
                          "supported_versions extension is malformed");
    }
    case kSupportedGroups: {
      auto list = body.vector16();
      out.hasGroups = true;
      return parseU16List(list, body.done(), out.groups, "supported_groups extension is malformed");
    }
    case kSignatureAlgorithms: {
      auto list = body.vector16();
      return parseU16List(list, body.done(), out.signatureAlgorithms,
                          "signature_algorithms extension is malformed");
    }
    case kSignatureAlgorithmsCert: {
      auto list = body.vector16();
      U16List unused;
      return parseU16List(list, body.done(), unused,
                          "signature_algorithms_cert extension is malformed");
    }
    case kExtendedMasterSecret:
      if (!bytes.empty()) return decodeError("extended_master_secret extension is not empty");
      return {};
    case kEarlyDataExtension:
      if (!bytes.empty()) return decodeError("early_data extension is not empty");
      out.hasEarlyData = true;
      return {};
    case kSessionTicket:
      out.ticket12 = bytes;
      out.ticket12Length = static_cast<uint16_t>(bytes.size());
      return {};
    case kCookieExtension:
      if (body.vector16().empty() || !body.done())
        return decodeError("cookie extension is malformed");
      out.hasCookie = true;
      return {};
    case kPskModes: {
      constexpr uint8_t kPskDheKe = 1;
      const auto modes = body.vector8();
      if (modes.empty() || !body.done())
        return decodeError("psk_key_exchange_modes extension is malformed");
      out.pskWithKeyExchange = std::find(modes.begin(), modes.end(), kPskDheKe) != modes.end();
      out.hasPskModes = true;
      return {};
    }
    case kPreSharedKeyExtension:
      out.hasPreSharedKey = true;
      return parsePreSharedKey(body, out);
    default:
      return {};  // ignore unknown and GREASE extensions
  }
}

Fault parseExtensions(Reader reader, ClientHello& out) {
  out.extensions = reader.rest;
  NumberSet seen;
  while (!reader.rest.empty()) {
    uint16_t type = reader.u16();
    auto body = reader.vector16();
    if (reader.bad) return decodeError("an extension is longer than the ClientHello");
    if (!seen.insert(type)) return illegal("ClientHello repeats an extension");
    if (out.hasPreSharedKey) return illegal("pre_shared_key is not the last extension");
    Fault fault = parseExtension(type, body, out);
    if (!fault.reason.empty()) return fault;
  }
  if (const Fault fault = judgeFragmentLength(out); !fault.reason.empty()) return fault;
  if (!out.hasKeyShare || !out.hasGroups) return {};
  // Each key share must belong to an offered group, and each group may have only one key share (RFC
  // 8446 4.2.8).
  NumberSet offered;
  for (size_t i = 0; i < out.groups.size(); ++i) offered.insert(out.groups[i]);
  bool fine = true;
  bool sized = true;
  out.forEachKeyShare([&](uint16_t group, std::span<const uint8_t> key) {
    fine = offered.remove(group) && fine;
    const size_t size = keyShareSize(group);
    sized = sized && (size == 0 || size == key.size());
  });
  if (!fine) return illegal("key_share holds a group twice or one that is not in supported_groups");
  if (!sized) return illegal("a key share does not have the size that its group requires");
  return {};
}

Fault parseBody(std::span<const uint8_t> body, ClientHello& out) {
  constexpr std::string_view kShort = "ClientHello is cut short";
  Reader reader{body};
  out.legacyVersion = reader.u16();
  reader.bytes(32);  // random
  auto sessionId = reader.vector8();
  auto suites = reader.vector16();
  auto compression = reader.vector8();
  if (reader.bad) return decodeError(kShort);
  if (sessionId.size() > 32) return decodeError("session id is longer than 32 bytes");
  if (suites.empty() || suites.size() % 2 != 0)
    return decodeError("cipher suite list is malformed");
  if (compression.empty()) return decodeError("ClientHello offers no compression method");
  if (std::find(compression.begin(), compression.end(), 0) == compression.end())
    return illegal("ClientHello does not offer null compression");
  out.cipherSuites = U16List(suites);
  out.onlyNullCompression = compression.size() == 1;
  out.fallbackScsv = out.cipherSuites.contains(kFallbackScsv);
  if (reader.rest.empty()) return {};  // without extensions, the hello is valid up to TLS 1.2
  Reader extensions{reader.vector16()};
  if (!reader.done()) return decodeError("extensions do not fill the rest of the ClientHello");
  return parseExtensions(extensions, out);
}

}  // namespace

bool U16List::contains(uint16_t value) const {
  for (size_t i = 0; i < size(); ++i)
    if ((*this)[i] == value) return true;
  return false;
}

bool ClientHello::offersVersion(uint16_t version) const {
  // If supported_versions is present, only the versions in it are offered (RFC 8446 4.2.1). Without
  // supported_versions, the client cannot offer TLS 1.3.
  if (!supportedVersions.empty()) return supportedVersions.contains(version);
  return version <= kTls12 && version <= legacyVersion && version >= kSsl30;
}

uint16_t ClientHello::highestVersion() const {
  for (uint16_t version : {kTls13, kTls12, kTls11, kTls10, kSsl30})
    if (offersVersion(version)) return version;
  return 0;
}

bool ClientHello::offersProtocol(std::string_view name) const {
  bool found = false;
  forEachProtocol([&](std::string_view offered) { found = found || offered == name; });
  return found;
}

HelloResult parseClientHelloMessage(std::span<const uint8_t> message, ClientHello& out) {
  out = ClientHello();
  Fault fault;
  if (message.size() < 4 || message[0] != 1) {
    fault = {Alert::unexpected_message, "first handshake message is not a ClientHello"};
  } else if (u24At(message, 1) != message.size() - 4) {
    fault = decodeError("ClientHello is cut short");
  } else {
    out.message = message;
    fault = parseBody(message.subspan(4), out);
  }
  if (!fault.reason.empty())
    return {HelloStatus::kMalformed, fault.alert, FirstBytes::kUnknown, fault.reason};
  return {HelloStatus::kComplete, 0, FirstBytes::kUnknown, {}};
}

}  // namespace culvert
