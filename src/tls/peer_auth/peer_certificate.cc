// SPDX-License-Identifier: GPL-3.0-or-later
// See peer_certificate.h.
#include "tls/peer_auth/peer_certificate.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <string_view>

#include "base/ascii.h"
#include "base/big_endian.h"
#include "base/hex.h"
#include "base/utf8.h"
#include "base/words.h"
#include "tls/library/sha256.h"
#include "tls/library/wolfssl.h"
#include "tls/x509/der_reader.h"
#include "tls/x509/oid.h"

namespace culvert {

namespace {

using Bytes = std::span<const uint8_t>;

constexpr uint8_t kUtf8String = 0x0c, kNumericString = 0x12, kPrintableString = 0x13,
                  kTeletexString = 0x14, kIa5String = 0x16, kUniversalString = 0x1c,
                  kBmpString = 0x1e;
[[maybe_unused]] constexpr uint8_t kSanMail = 0x81, kSanDirectory = 0xa4;
constexpr uint8_t kSanDns = 0x82, kSanUri = 0x86, kSanAddress = 0x87;
constexpr uint8_t kVersionTag = 0xa0, kExtensionsTag = 0xa3;

struct KnownType {
  std::string_view oid;  // in DER
  std::string_view name;
};
constexpr KnownType kTypes[] = {
    {"\x55\x04\x03", "CN"},
    {"\x55\x04\x05", "serialNumber"},
    {"\x55\x04\x06", "C"},
    {"\x55\x04\x07", "L"},
    {"\x55\x04\x08", "ST"},
    {"\x55\x04\x09", "street"},
    {"\x55\x04\x0a", "O"},
    {"\x55\x04\x0b", "OU"},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", "emailAddress"},
    {"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "DC"},
    {"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", "UID"},
};
constexpr std::string_view kSubjectAltName = "\x55\x1d\x11";
constexpr std::string_view kNameConstraints = "\x55\x1d\x1e";

/// Converts an attribute value to text. Returns nothing if the string type is not supported.
std::optional<std::string> textOf(const DerItem& value) {
  switch (value.tag) {
    case kUtf8String:
    case kNumericString:
    case kPrintableString:
    case kIa5String:
      return std::string(asText(value.body));
    case kTeletexString: {  // culvert reads it as Latin-1, like other software
      std::string out;
      for (uint8_t byte : value.body) appendUtf8(out, byte);
      return out;
    }
    case kBmpString:
    case kUniversalString: {
      const size_t width = value.tag == kBmpString ? 2 : 4;
      if (value.body.size() % width != 0) return std::nullopt;
      std::string out;
      for (size_t i = 0; i < value.body.size(); i += width) {
        const auto c = static_cast<uint32_t>(bigEndian(value.body.subspan(i, width)));
        if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return std::nullopt;
        appendUtf8(out, c);
      }
      return out;
    }
    default:
      return std::nullopt;
  }
}

std::string typeName(Bytes oid) {
  for (const KnownType& type : kTypes)
    if (type.oid == asText(oid)) return std::string(type.name);
  return dottedOid(oid);
}

/// Escapes the value as RFC 4514 2.4 requires. Replaces control characters by '?', because the
/// value is written to logs and headers.
std::string escaped(std::string_view value) {
  std::string out;
  for (char c : value) {
    if (std::string_view(",+\"\\<>;=").find(c) != std::string_view::npos) out.push_back('\\');
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(byte < 0x20 || byte == 0x7f ? '?' : c);
  }
  return out;
}

/// Calls visit(type, text) for each attribute of a Name. `text` is empty (std::nullopt) if the
/// value's string type is not supported. Returns false if the Name is malformed.
template <class Visit>
bool walkName(Bytes name, Visit visit) {
  DerReader sets(name);
  while (!sets.done()) {
    const auto set = sets.next(DerReader::kSet);
    if (!set) return false;
    DerReader attributes(set->body);
    while (!attributes.done()) {
      const auto attribute = attributes.next(DerReader::kSequence);
      if (!attribute) return false;
      DerReader parts(attribute->body);
      const auto type = parts.next(DerReader::kOid);
      const auto value = parts.next();
      if (!type || !value || !parts.done()) return false;
      visit(typeName(type->body), textOf(*value));
    }
  }
  return true;
}

void readSubject(Bytes name, PeerCertificate& out) {
  walkName(name, [&out](std::string_view type, std::optional<std::string> text) {
    if (!text) return;
    if (type == "CN") out.commonNames.push_back(std::move(*text));
    if (type == "OU") out.units.push_back(std::move(*text));
  });
}

bool readAltNames(Bytes extension, PeerCertificate& out) {
  DerReader outer(extension);
  const auto names = outer.next(DerReader::kSequence);
  if (!names || !outer.done()) return false;
  DerReader reader(names->body);
  while (!reader.done()) {
    const auto name = reader.next();
    if (!name) return false;
    if (name->tag == kSanDns) out.dnsNames.push_back(lower(asText(name->body)));
    if (name->tag == kSanUri) out.uris.emplace_back(asText(name->body));
    if (name->tag == kSanAddress && (name->body.size() == 4 || name->body.size() == 16))
      out.addresses.emplace_back(name->body.begin(), name->body.end());
  }
  return true;
}

/// Returns whether this release of wolfSSL enforces nameConstraints of the kind `kind`. Releases
/// since 5.9 enforce every kind, or refuse certificates with kinds that they cannot enforce.
bool isHeld(uint8_t kind) {
#if LIBWOLFSSL_VERSION_HEX >= 0x05009000
  (void)kind;
  return true;
#else
  return kind == kSanDns || kind == kSanMail || kind == kSanDirectory;
#endif
}

bool readConstraints(Bytes extension, PeerCertificate& out) {
  DerReader outer(extension);
  const auto both = outer.next(DerReader::kSequence);
  if (!both || !outer.done()) return false;
  DerReader reader(both->body);
  while (!reader.done()) {  // permittedSubtrees and excludedSubtrees
    const auto subtrees = reader.next();
    if (!subtrees) return false;
    DerReader each(subtrees->body);
    while (!each.done()) {
      const auto subtree = each.next(DerReader::kSequence);
      if (!subtree) return false;
      if (!isHeld(DerReader(subtree->body).peek())) out.unheldConstraints = true;
    }
  }
  return true;
}

bool readExtensions(Bytes extensions, PeerCertificate& out) {
  return walkExtensions(extensions, [&out](std::string_view type, bool, Bytes value) {
    if (type == kSubjectAltName) return readAltNames(value, out);
    if (type == kNameConstraints) return readConstraints(value, out);
    return true;
  });
}

}  // namespace

SerialKey serialKeyOf(Bytes integer) {
  while (!integer.empty() && integer.front() == 0) integer = integer.subspan(1);
  SerialKey key{};
  if (integer.size() < key.size()) {
    key[0] = static_cast<uint8_t>(integer.size());
    std::copy(integer.begin(), integer.end(), key.begin() + 1);
  } else {
    const auto digest = sha256Of(integer);
    key[0] = 0xff;
    std::copy_n(digest.begin(), key.size() - 1, key.begin() + 1);
  }
  return key;
}

std::string distinguishedName(Bytes name) {
  std::string out;
  const bool whole =
      walkName(name, [&out](std::string_view type, const std::optional<std::string>& text) {
        if (out.size() > kLongestDn) return;
        out += fmt::format("{}{}={}", out.empty() ? "" : ", ", type, text ? escaped(*text) : "#");
      });
  if (!whole) out += out.empty() ? "?" : ", ?";
  if (out.empty()) return "(empty)";
  return printable(out, kLongestDn);
}

std::optional<int64_t> certificateTime(const DerItem& item) {
  constexpr uint8_t kUtcTime = 0x17, kGeneralizedTime = 0x18;
  std::string digits(reinterpret_cast<const char*>(item.body.data()), item.body.size());
  if (item.tag == kUtcTime && !digits.empty())
    digits.insert(0, digits[0] < '5' ? "20" : "19");
  else if (item.tag != kGeneralizedTime)
    return std::nullopt;
  if (digits.size() != 15 || digits.back() != 'Z' ||
      !std::all_of(digits.begin(), digits.end() - 1, isDigit))
    return std::nullopt;
  const auto number = [&digits](size_t at, size_t count) {
    int value = 0;
    for (size_t i = at; i < at + count; ++i) value = value * 10 + (digits[i] - '0');
    return value;
  };
  struct tm calendar {};
  calendar.tm_year = number(0, 4) - 1900;
  calendar.tm_mon = number(4, 2) - 1;
  calendar.tm_mday = number(6, 2);
  calendar.tm_hour = number(8, 2);
  calendar.tm_min = number(10, 2);
  calendar.tm_sec = number(12, 2);
  return static_cast<int64_t>(::timegm(&calendar));
}

std::optional<PeerCertificate> readPeerCertificate(Bytes der) {
  DerReader file(der);
  const auto certificate = file.next(DerReader::kSequence);
  if (!certificate || !file.done()) return std::nullopt;
  DerReader signedParts(certificate->body);
  const auto body = signedParts.next(DerReader::kSequence);
  if (!body) return std::nullopt;
  DerReader fields(body->body);
  (void)fields.next(kVersionTag);
  const auto serial = fields.next(DerReader::kInteger);
  const auto algorithm = fields.next(DerReader::kSequence);
  const auto issuer = fields.next(DerReader::kSequence);
  const auto dates = fields.next(DerReader::kSequence);
  const auto subject = fields.next(DerReader::kSequence);
  const auto key = fields.next(DerReader::kSequence);
  if (!serial || !algorithm || !issuer || !dates || !subject || !key) return std::nullopt;
  PeerCertificate out;
  out.serial =
      encodeHex(serial->body.first(std::min<size_t>(serial->body.size(), 24)), HexCase::kUpper);
  out.serialKey = serialKeyOf(serial->body);
  DerReader times(dates->body);
  if (const auto begin = times.next())
    out.notBefore = certificateTime(*begin).value_or(out.notBefore);
  if (const auto end = times.next())
    out.notAfter = certificateTime(*end).value_or(out.notAfter);  // wolfSSL checks the date
  out.issuer = distinguishedName(issuer->body);
  out.subject = distinguishedName(subject->body);
  readSubject(subject->body, out);
  out.issuerHash = sha256Of(issuer->whole);
  out.subjectHash = sha256Of(subject->whole);
  out.keyPin = sha256Of(key->whole);
  out.fingerprint = sha256Of(certificate->whole);
  while (!fields.done()) {
    const auto field = fields.next();
    if (!field) return std::nullopt;
    if (field->tag == kExtensionsTag && !readExtensions(field->body, out)) return std::nullopt;
  }
  return out;
}

}  // namespace culvert
