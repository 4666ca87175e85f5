// SPDX-License-Identifier: GPL-3.0-or-later
// See weak_signature.h.
#include "tls/x509/weak_signature.h"

#include "tls/library/wolfssl.h"
#include "tls/x509/der_reader.h"

namespace culvert {
namespace {

constexpr std::string_view kMd5Oid("\x2a\x86\x48\x86\xf7\x0d\x02\x05", 8);
constexpr std::string_view kSha1Oid("\x2b\x0e\x03\x02\x1a", 5);

/// Returns the weak hash of an RSASSA-PSS signature, or an empty string. The parameters name the
/// hash. If the parameters name no hash, the hash is SHA-1 (RFC 8017 A.2.3).
std::string_view weakPss(std::span<const uint8_t> der) {
  DerReader file(der);
  DerReader parts(file.next(DerReader::kSequence).value_or(DerItem{}).body);
  (void)parts.next(DerReader::kSequence);
  DerReader algorithm(parts.next(DerReader::kSequence).value_or(DerItem{}).body);
  (void)algorithm.next(DerReader::kOid);
  DerReader parameters(algorithm.next(DerReader::kSequence).value_or(DerItem{}).body);
  DerReader hash(parameters.next(DerReader::context(0)).value_or(DerItem{}).body);
  DerReader names(hash.next(DerReader::kSequence).value_or(DerItem{}).body);
  const auto oid = names.next(DerReader::kOid);
  if (!oid || asText(oid->body) == kSha1Oid) return "SHA-1";
  return asText(oid->body) == kMd5Oid ? "MD5" : "";
}

}  // namespace

std::string_view weakSignature(uint32_t oid, std::span<const uint8_t> der) {
  switch (oid) {
    case CTC_MD2wRSA:
      return "MD2";
    case CTC_MD5wRSA:
      return "MD5";
    case CTC_SHAwRSA:
    case CTC_SHAwECDSA:
    case CTC_SHAwDSA:
      return "SHA-1";
    case CTC_RSASSAPSS:
      return weakPss(der);
    default:
      return "";
  }
}

}  // namespace culvert
