// SPDX-License-Identifier: GPL-3.0-or-later
// See certificate_flaws.h.
#include "tls/x509/certificate_flaws.h"

#include <fmt/format.h>

namespace culvert {
namespace {

constexpr unsigned kLeastRsaBits = 2048;

bool hasWeakKey(const CertificateInfo& info) {
  return info.keyType == KeyType::kRsa && info.keyBits != 0 && info.keyBits < kLeastRsaBits;
}

/// Returns the flaw of an issuer's certificate, or an empty string if it has no flaw.
std::string flawOfIssuer(const CertificateInfo& issuer) {
  if (!issuer.authority || !issuer.issues)
    return "must not issue certificates (basicConstraints CA, keyUsage keyCertSign)";
  if (!issuer.servesTls) return "must not issue for servers (extendedKeyUsage lacks serverAuth)";
  if (hasWeakKey(issuer))
    return fmt::format("has an {} key, which is weaker than RSA-2048", issuer.keyText);
  if (!issuer.weakHash.empty()) return "is signed with " + issuer.weakHash;
  return {};
}

}  // namespace

const CertificateInfo* intermediateOf(std::span<const CertificateInfo> chain) {
  if (chain.size() < 2) return nullptr;
  const CertificateInfo& above = chain[1];
  const bool issued = chain[0].issuerHash == above.subjectHash &&
                      (chain[0].authorityKeyId.empty() || above.subjectKeyId.empty() ||
                       chain[0].authorityKeyId == above.subjectKeyId);
  return issued && !above.selfIssued() ? &above : nullptr;
}

std::vector<CertificateFlaw> flawsOf(std::span<const CertificateInfo> chain) {
  using Kind = CertificateFlaw::Kind;
  const CertificateInfo& leaf = chain.front();
  std::vector<CertificateFlaw> flaws;
  if (!leaf.servesTls)
    flaws.push_back({Kind::kExtendedUsage,
                     "the certificate is not for servers (extendedKeyUsage lacks serverAuth)"});
  if (!leaf.signs)
    flaws.push_back(
        {Kind::kUsage, fmt::format("keyUsage lacks digitalSignature, which TLS with its "
                                   "{} key needs",
                                   leaf.keyText)});
  if (leaf.authority && !leaf.selfIssued())
    flaws.push_back({Kind::kAuthority, "the first certificate is a CA's, not a server's"});
  if (hasWeakKey(leaf))
    flaws.push_back({Kind::kWeakKey, leaf.keyText + " is weaker than clients accept (RSA-2048)"});
  if (!leaf.weakHash.empty())
    flaws.push_back(
        {Kind::kWeakHash, fmt::format("the certificate is signed with {}, which clients "
                                      "do not accept",
                                      leaf.weakHash)});
  if (const CertificateInfo* issuer = intermediateOf(chain)) {
    if (const std::string flaw = flawOfIssuer(*issuer); !flaw.empty())
      flaws.push_back({Kind::kIssuer,
                       fmt::format("certificate 2 ({}), its issuer, {}", issuer->subject, flaw)});
  }
  return flaws;
}

}  // namespace culvert
