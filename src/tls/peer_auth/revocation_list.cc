// SPDX-License-Identifier: GPL-3.0-or-later
// See revocation_list.h.
#include "tls/peer_auth/revocation_list.h"

#include <algorithm>
#include <string_view>

#include "tls/library/sha256.h"
#include "tls/x509/der_reader.h"

namespace culvert {

namespace {

using Bytes = std::span<const uint8_t>;

constexpr uint8_t kCrlExtensions = 0xa0, kKeyIdentifier = 0x80;
constexpr std::string_view kAuthorityKeyIdentifier = "\x55\x1d\x23";

/// Reads the extensions of a CRL. A critical extension may limit the CRL to some certificates or to
/// recent changes (RFC 5280 5.2.4, 5.2.5), so culvert must not treat such a CRL as complete.
bool readListExtensions(Bytes extensions, RevocationList& list) {
  return walkExtensions(extensions, [&list](std::string_view type, bool critical, Bytes value) {
    list.partial = list.partial || critical;
    if (type != kAuthorityKeyIdentifier) return true;
    DerReader outer(value);
    const auto fields = outer.next(DerReader::kSequence);
    DerReader reader(fields ? fields->body : Bytes());
    if (const auto id = reader.next(kKeyIdentifier))
      list.issuerKeyId.assign(id->body.begin(), id->body.end());
    return true;
  });
}

/// Reads revokedCertificates. An entry with a critical extension may be about a certificate of
/// another issuer (RFC 5280 5.3.3).
bool readEntries(Bytes entries, RevocationList& list) {
  DerReader reader(entries);
  while (!reader.done()) {
    const auto entry = reader.next(DerReader::kSequence);
    if (!entry) return false;
    DerReader parts(entry->body);
    const auto serial = parts.next(DerReader::kInteger);
    const auto date = parts.next();
    if (!serial || serial->body.empty() || !date) return false;
    list.serials.push_back(serialKeyOf(serial->body));
    if (!parts.done() && !walkExtensions(parts.next().value_or(DerItem{}).whole,
                                         [&list](std::string_view, bool critical, Bytes) {
                                           list.partial = list.partial || critical;
                                           return true;
                                         }))
      return false;
  }
  std::sort(list.serials.begin(), list.serials.end());
  return true;
}

}  // namespace

bool RevocationList::isOf(const std::array<uint8_t, 32>& name,
                          const std::array<uint8_t, 32>& keyPin) const {
  return issuerHash == name && std::find(keyPins.begin(), keyPins.end(), keyPin) != keyPins.end();
}

bool RevocationList::revokes(const SerialKey& serial) const {
  return std::binary_search(serials.begin(), serials.end(), serial);
}

std::optional<RevocationList> readRevocationList(Bytes der) {  // RFC 5280 5.1
  DerReader file(der);
  const auto outer = file.next(DerReader::kSequence);
  if (!outer || !file.done()) return std::nullopt;
  DerReader signedParts(outer->body);
  const auto body = signedParts.next(DerReader::kSequence);
  if (!body) return std::nullopt;
  DerReader fields(body->body);
  (void)fields.next(DerReader::kInteger);
  const auto algorithm = fields.next(DerReader::kSequence);
  const auto issuer = fields.next(DerReader::kSequence);
  const auto thisUpdate = fields.next();
  if (!algorithm || !issuer || !thisUpdate) return std::nullopt;
  const auto issued = certificateTime(*thisUpdate);
  if (!issued) return std::nullopt;
  RevocationList list;
  list.issuer = distinguishedName(issuer->body);
  list.issuerHash = sha256Of(issuer->whole);
  list.thisUpdate = *issued;
  if (!fields.done() && fields.peek() != DerReader::kSequence && fields.peek() != kCrlExtensions) {
    const auto nextUpdate = fields.next();
    if (!nextUpdate) return std::nullopt;
    list.nextUpdate = certificateTime(*nextUpdate).value_or(0);
  }
  if (fields.peek() == DerReader::kSequence) {
    const auto entries = fields.next();
    if (!entries || !readEntries(entries->body, list)) return std::nullopt;
  }
  if (fields.peek() == kCrlExtensions) {
    const auto extensions = fields.next();
    if (!extensions || !readListExtensions(extensions->body, list)) return std::nullopt;
  }
  if (!fields.done()) return std::nullopt;
  return list;
}

}  // namespace culvert
