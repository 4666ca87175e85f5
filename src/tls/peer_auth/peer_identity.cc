// SPDX-License-Identifier: GPL-3.0-or-later
// See peer_identity.h.
#include "tls/peer_auth/peer_identity.h"

#include <algorithm>

#include "base/big_endian.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "base/utf8.h"
#include "tls/library/sha256.h"
#include "tls/x509/der_reader.h"

namespace culvert {
namespace {

// The most bytes that culvert keeps of the values that allow rules compare.
constexpr size_t kMostValues = 4096;
constexpr size_t kLongestCn = 255;
constexpr size_t kLongestUri = 2048;
constexpr size_t kLongestValue = 0xffff;

/// Returns the value in the form for backends. Empty if the value is longer than `limit` bytes, is
/// not UTF-8 or has control characters.
std::string shortText(std::string_view value, size_t limit) {
  if (value.size() > limit) return {};
  for (std::string_view rest = value; !rest.empty();) {
    const Utf8CodePoint c = readUtf8(rest);
    if (c.bytes == 0 || isControl(c.value)) return {};
    rest.remove_prefix(c.bytes);
  }
  return std::string(value);
}

template <class Bytes>
std::string_view viewOf(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class Array>
Array arrayOf(std::string_view bytes) {
  Array out{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), out.size()), out.begin());
  return out;
}

ShortId shortened(const std::array<uint8_t, 32>& digest) {
  ShortId out{};
  std::copy_n(digest.begin(), out.size(), out.begin());
  return out;
}

}  // namespace

ShortId caIdOf(const std::array<uint8_t, 32>& nameHash, const std::array<uint8_t, 32>& keyPin) {
  std::array<uint8_t, 64> both{};
  std::copy(nameHash.begin(), nameHash.end(), both.begin());
  std::copy(keyPin.begin(), keyPin.end(), both.begin() + nameHash.size());
  return shortened(sha256Of(both));
}

ShortId certificateIdOf(std::span<const uint8_t> der) { return shortened(sha256Of(der)); }

void PeerIdentity::put(std::string& out, Tag tag, std::string_view value) {
  value = value.substr(0, kLongestValue);
  out.push_back(static_cast<char>(tag));
  out += viewOf(u16Bytes(value.size()));
  out += value;
}

template <class Visit>
void PeerIdentity::forEach(Visit visit) const {
  for (std::string_view rest = packed_; rest.size() >= 3;) {
    const auto bytes = asBytes(rest);
    const size_t size = u16At(bytes, 1);
    if (visit(static_cast<Tag>(bytes[0]), rest.substr(3, size))) return;
    rest.remove_prefix(std::min(rest.size(), 3 + size));
  }
}

std::string_view PeerIdentity::first(Tag tag) const {
  std::string_view found;
  forEach([&](Tag one, std::string_view value) {
    if (one == tag) found = value;
    return one == tag;
  });
  return found;
}

bool PeerIdentity::has(Tag tag) const { return first(tag).data() != nullptr; }

PeerIdentity::PeerIdentity(const PeerCertificate& certificate, const PeerPath* path) {
  std::string out;
  put(out, kSubject, certificate.subject);
  put(out, kIssuer, certificate.issuer);
  put(out, kSerial, viewOf(decodeHex(certificate.serial).value_or(std::vector<uint8_t>())));
  put(out, kFingerprint, viewOf(certificate.fingerprint));
  if (path != nullptr) {
    put(out, kKeyPin, viewOf(certificate.keyPin));
    if (!path->steps.empty()) {
      std::array<uint8_t, 8> end{};
      putBigEndian(static_cast<uint64_t>(path->notAfter), end);
      put(out, kNotAfter, viewOf(end));
      put(out, kAnchor, viewOf(path->anchor));
    }
    for (const PeerPath::Step& step : path->steps) {
      std::string both(viewOf(step.issuer));
      both +=
          viewOf(step.serial)
              .substr(0, step.serial[0] == 0xff ? step.serial.size() : size_t{1} + step.serial[0]);
      put(out, kStep, both);
    }
    packValues(out, certificate);
  } else if (!certificate.uris.empty()) {
    put(out, kUri, std::string_view(certificate.uris.front()).substr(0, kLongestUri + 1));
  }
  packed_ = out;  // the copy has no spare capacity
}

/// Adds the first value of each kind, because PeerRules::putMatchesFirst() has put the value that
/// matches a rule first. Then adds the remaining values, up to kMostValues bytes.
void PeerIdentity::packValues(std::string& out, const PeerCertificate& c) {
  const size_t limit = out.size() + kMostValues;
  const auto pack = [&](Tag tag, const auto& values, bool others) {
    for (size_t i = others ? 1 : 0;
         i < (others ? values.size() : std::min<size_t>(1, values.size())); ++i)
      if (!others || out.size() + values[i].size() + 3 <= limit) put(out, tag, viewOf(values[i]));
  };
  for (const bool others : {false, true}) {
    pack(kCommonName, c.commonNames, others);
    pack(kUnit, c.units, others);
    pack(kDnsName, c.dnsNames, others);
    pack(kUri, c.uris, others);
    pack(kAddress, c.addresses, others);
  }
}

std::string PeerIdentity::subject() const { return std::string(first(kSubject)); }
std::string PeerIdentity::issuer() const { return std::string(first(kIssuer)); }

std::string PeerIdentity::serial() const {
  return encodeHex(asBytes(first(kSerial)), HexCase::kUpper);
}

std::string PeerIdentity::commonName() const { return shortText(first(kCommonName), kLongestCn); }

std::string PeerIdentity::uri() const { return shortText(first(kUri), kLongestUri); }

std::array<uint8_t, 32> PeerIdentity::fingerprint() const {
  return arrayOf<std::array<uint8_t, 32>>(first(kFingerprint));
}

PeerCertificate PeerIdentity::certificate() const {
  PeerCertificate out;
  forEach([&out](Tag tag, std::string_view value) {
    switch (tag) {
      case kSubject:
        out.subject = value;
        break;
      case kKeyPin:
        out.keyPin = arrayOf<std::array<uint8_t, 32>>(value);
        break;
      case kCommonName:
        out.commonNames.emplace_back(value);
        break;
      case kUnit:
        out.units.emplace_back(value);
        break;
      case kDnsName:
        out.dnsNames.emplace_back(value);
        break;
      case kUri:
        out.uris.emplace_back(value);
        break;
      case kAddress:
        out.addresses.emplace_back(value.begin(), value.end());
        break;
      default:
        break;
    }
    return false;
  });
  return out;
}

PeerPath PeerIdentity::path() const {
  PeerPath out;
  out.anchor = arrayOf<ShortId>(first(kAnchor));
  if (const std::string_view end = first(kNotAfter); !end.empty())
    out.notAfter = static_cast<int64_t>(bigEndian(asBytes(end)));
  forEach([&out](Tag tag, std::string_view value) {
    if (tag == kStep && value.size() > sizeof(ShortId))
      out.steps.push_back({arrayOf<ShortId>(value.substr(0, sizeof(ShortId))),
                           arrayOf<SerialKey>(value.substr(sizeof(ShortId)))});
    return false;
  });
  return out;
}

}  // namespace culvert
