// SPDX-License-Identifier: GPL-3.0-or-later
// See peer_verifier.h. culvert finds the path from the client's certificate to a trust anchor by
// names and key identifiers. Then wolfCrypt verifies each certificate of the path from the top
// down, in a certificate manager that exists for this path only. So the certificates that one
// client sends cannot complete the path of another client.
#include "tls/peer_auth/peer_verifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "tls/credentials/credentials.h"
#include "tls/library/wolf_error.h"
#include "tls/protocol/alert_number.h"
#include "tls/x509/cert_manager.h"
#include "tls/x509/weak_signature.h"

namespace culvert {

namespace {

constexpr size_t kMostPaths = 4;  // enough for cross-signed and renewed CAs
constexpr unsigned kLeastPeerRsaBits = 2048;

using KeyId = std::array<uint8_t, 20>;

PeerVerdict refuse(uint8_t alert, std::string reason, bool ours = false) {
  return {alert, std::move(reason), ours};
}

uint8_t alertFor(int error) {
  switch (error) {
    case ASN_AFTER_DATE_E:
    case ASN_BEFORE_DATE_E:
      return Alert::certificate_expired;
    case ASN_NO_SIGNER_E:
    case ASN_SELF_SIGNED_E:
    case ASN_PATHLEN_INV_E:
    case ASN_PATHLEN_SIZE_E:
      return Alert::unknown_ca;
    case CRL_CERT_REVOKED:
      return Alert::certificate_revoked;
    case MEMORY_E:
      return Alert::internal_error;
    default:
      return Alert::bad_certificate;
  }
}

std::string_view wordsFor(int error) {
  switch (error) {
    case ASN_AFTER_DATE_E:
      return "has expired";
    case ASN_BEFORE_DATE_E:
      return "is not valid yet";
    case ASN_NO_SIGNER_E:
      return "has an unknown issuer";
    case ASN_PATHLEN_INV_E:
    case ASN_PATHLEN_SIZE_E:
      return "is below a CA that does not allow another CA below it (pathLenConstraint)";
    case ASN_NAME_INVALID_E:
      return "has a name that its issuer is not allowed to certify (nameConstraints)";
    case ASN_SIG_CONFIRM_E:
      return "has a signature that was not made by its issuer";
    case ASN_CRIT_EXT_E:
      return "has an unknown critical extension";
    default:
      return {};
  }
}

PeerVerdict fromError(int error, const std::string& subject) {
  const std::string_view words = wordsFor(error);
  return refuse(
      alertFor(error),
      fmt::format("{} {}", subject,
                  words.empty() ? "does not verify: " + tlsErrorText(error) : std::string(words)));
}

}  // namespace

/// A certificate in the chain that the client sent.
struct PeerVerifier::Link {
  std::span<const uint8_t> der;
  std::string subject, issuer;
  std::array<uint8_t, 32> subjectHash{}, issuerHash{};
  std::array<uint8_t, 32> keyPin{};
  SerialKey serial{};
  int64_t notBefore = INT64_MIN;
  int64_t notAfter = INT64_MAX;
  KeyId keyId{}, issuerKeyId{};
  bool namesIssuerKey = false;
  bool unheldConstraints = false;
  bool selfIssued() const { return subjectHash == issuerHash; }
  bool issuedBy(const std::array<uint8_t, 32>& name, const KeyId& key) const {
    return issuerHash == name && (!namesIssuerKey || issuerKeyId == key);
  }
};

/// A path: indices into the chain, from the leaf upwards, and the trust anchor.
struct PeerVerifier::Path {
  std::vector<size_t> way;
  const TrustAnchor* anchor;
};

PeerVerdict PeerVerifier::verify(std::span<const std::span<const uint8_t>> chain,
                                 const PeerCertificate& leaf, int64_t now, PeerPath& taken) const {
  if (auth_->pinsOnly)
    return auth_->rules.allows(leaf)
               ? PeerVerdict{}
               : refuse(Alert::access_denied, fmt::format("{} has a key that is not in {}",
                                                          leaf.subject, words().pinKey));
  std::vector<Link> links;
  for (const auto& der : chain) {
    auto cert = std::make_unique<ParsedCert>(der);
    const int error = cert->parse(CERT_TYPE, NO_VERIFY, nullptr);
    const auto names = error == 0 ? readPeerCertificate(der) : std::nullopt;
    if (!names) {
      if (links.empty())
        return refuse(Alert::bad_certificate,
                      fmt::format("{} cannot be read: {}", leaf.subject,
                                  error == 0 ? "malformed" : tlsErrorText(error)));
      continue;  // RFC 8446 4.4.2: a chain may have unrelated certificates
    }
    Link link{.der = der,
              .subject = names->subject,
              .issuer = names->issuer,
              .subjectHash = names->subjectHash,
              .issuerHash = names->issuerHash,
              .keyPin = names->keyPin,
              .serial = names->serialKey,
              .notBefore = names->notBefore,
              .notAfter = names->notAfter,
              .unheldConstraints = names->unheldConstraints};
    std::memcpy(link.keyId.data(), (*cert)->extSubjKeyId,
                std::min(link.keyId.size(), sizeof((*cert)->extSubjKeyId)));
    link.namesIssuerKey = (*cert)->extAuthKeyIdSet != 0;
    std::memcpy(link.issuerKeyId.data(), (*cert)->extAuthKeyId,
                std::min(link.issuerKeyId.size(), sizeof((*cert)->extAuthKeyId)));
    links.push_back(std::move(link));
  }
  std::vector<Path> paths;
  std::vector<size_t> way{0};
  std::vector<bool> seen(links.size());
  bool tooLong = false;
  findPaths(links, way, seen, paths, tooLong);
  if (paths.empty()) return noPath(links.front(), tooLong, now);
  PeerVerdict first;
  for (const Path& path : paths) {
    PeerVerdict verdict = verifyPath(links, path, now);
    if (verdict && !auth_->rules.allows(leaf))
      verdict = refuse(Alert::access_denied, leaf.subject + " matches no allow rule");
    if (verdict) fillPath(links, path, taken);
    if (verdict) return verdict;
    if (first) first = std::move(verdict);
  }
  return first;
}

/// Searches for paths depth first. Each certificate is tried once, so the size of the chain limits
/// the work.
void PeerVerifier::findPaths(const std::vector<Link>& links, std::vector<size_t>& way,
                             std::vector<bool>& seen, std::vector<Path>& found,
                             bool& tooLong) const {
  const Link& last = links[way.back()];
  seen[way.back()] = true;
  for (const TrustAnchor& anchor : auth_->anchors)
    if (found.size() < kMostPaths && last.issuedBy(anchor.nameHash, anchor.keyId))
      found.push_back({way, &anchor});
  if (last.selfIssued()) return;
  for (size_t i = 0; i < links.size() && found.size() < kMostPaths; ++i) {
    if (seen[i] || !last.issuedBy(links[i].subjectHash, links[i].keyId)) continue;
    if (way.size() > auth_->depth) {
      tooLong = true;
      return;
    }
    way.push_back(i);
    findPaths(links, way, seen, found, tooLong);
    way.pop_back();
  }
}

PeerVerdict PeerVerifier::noPath(const Link& leaf, bool tooLong, int64_t) const {
  if (tooLong)
    return refuse(Alert::unknown_ca,
                  fmt::format("{} has more than {} CAs between itself and {} ({})", leaf.subject,
                              auth_->depth, words().caKey, words().depthKey));
  if (leaf.selfIssued())
    return refuse(Alert::unknown_ca,
                  fmt::format("{} is self-signed and not in {}", leaf.subject, words().caKey));
  if (auth_->purpose == PeerPurpose::kServers)
    return refuse(
        Alert::unknown_ca,
        fmt::format("the issuer of {} is unknown: {}; if you trust it, add it to backend-ca",
                    leaf.subject, leaf.issuer));
  return refuse(Alert::unknown_ca,
                fmt::format("the issuer of {} is not in client-ca, and the client sent no chain to "
                            "a CA that is: {}",
                            leaf.subject, leaf.issuer));
}

PeerVerdict PeerVerifier::verifyPath(const std::vector<Link>& links, const Path& path,
                                     int64_t now) const {
  const TrustAnchor& anchor = *path.anchor;
  const bool direct = path.way.size() == 1;
  if (anchor.nameConstraints && !direct)
    return refuse(Alert::bad_certificate,
                  fmt::format("nameConstraints of {} can be enforced only on certificates that it "
                              "issued itself: add the intermediate CA to {}",
                              anchor.subject, words().caKey));
  CertManager own(wolfSSL_CertManagerNew());
  if (own == nullptr || addAnchor(own.get(), anchor.der) != WOLFSSL_SUCCESS) {
    PeerVerdict dates = checkAnchor(anchor, now);  // old releases check dates in addAnchor()
    return dates ? refuse(Alert::internal_error, "no certificate manager: out of memory") : dates;
  }
  for (size_t k = path.way.size(); k-- > 0;) {
    const Link& link = links[path.way[k]];
    if (PeerVerdict verdict = verifyOne(link, k == 0, own.get(), now); !verdict) return verdict;
    if (k != 0 && link.unheldConstraints)
      return refuse(Alert::bad_certificate,
                    link.subject + " has nameConstraints of a kind that wolfSSL cannot enforce");
    const bool top = k + 1 == path.way.size();
    const auto& issuerPin = top ? anchor.keyPin : links[path.way[k + 1]].keyPin;
    if (PeerVerdict verdict = checkRevoked(link, issuerPin, now); !verdict) return verdict;
    if (k != 0 && addAnchor(own.get(), link.der) != WOLFSSL_SUCCESS)
      return refuse(Alert::bad_certificate, link.subject + " cannot be used as a CA");
    if (k > 1) {
      auto cert = std::make_unique<ParsedCert>(link.der);
      if (cert->parse(CERT_TYPE, NO_VERIFY, nullptr) != 0 || cert->hasNameConstraints())
        return refuse(Alert::bad_certificate,
                      fmt::format("nameConstraints of {} can be enforced only on certificates that "
                                  "it issued itself",
                                  link.subject));
    }
  }
  return checkAnchor(anchor, now);
}

PeerVerdict PeerVerifier::outOfDate(const Link& link, int64_t now) {
  if (now < link.notBefore)
    return refuse(Alert::certificate_expired,
                  fmt::format("{} is not valid yet: it is valid from {}, in {}", link.subject,
                              utcText(link.notBefore), spanText(link.notBefore - now)));
  return refuse(Alert::certificate_expired,
                fmt::format("{} has expired: {} ago ({})", link.subject,
                            spanText(now - link.notAfter), utcText(link.notAfter)));
}

PeerVerdict PeerVerifier::verifyOne(const Link& link, bool leaf, ManagerHandle manager,
                                    int64_t now) const {
  auto cert = std::make_unique<ParsedCert>(link.der);
  const int error = cert->parse(leaf ? CERT_TYPE : kChainCert, VERIFY, manager);
  if (error == ASN_AFTER_DATE_E || error == ASN_BEFORE_DATE_E) return outOfDate(link, now);
  if (error != 0) return fromError(error, link.subject);
  const DecodedCert& c = **cert;
  if (!leaf &&
      (c.isCA == 0 || (c.extKeyUsageSet != 0 && (c.extKeyUsage & KEYUSE_KEY_CERT_SIGN) == 0)))
    return refuse(Alert::unknown_ca, link.subject +
                                         " issued a certificate but is not a CA (basicConstraints, "
                                         "keyUsage)");
  if (c.version != 2)
    return refuse(Alert::unsupported_certificate, link.subject +
                                                      " is not an X.509 version 3 "
                                                      "certificate");
  if (leaf && c.extKeyUsageSet != 0 && (c.extKeyUsage & KEYUSE_DIGITAL_SIG) == 0)
    return refuse(Alert::unsupported_certificate,
                  link.subject + " is not meant for signing (keyUsage)");
  const bool servers = auth_->purpose == PeerPurpose::kServers;
  const unsigned usage = EXTKEYUSE_ANY | (servers ? EXTKEYUSE_SERVER_AUTH : EXTKEYUSE_CLIENT_AUTH);
  if (c.extExtKeyUsageSet != 0 && (c.extExtKeyUsage & usage) == 0)
    return refuse(Alert::unsupported_certificate,
                  fmt::format("{} is not meant for {} (extendedKeyUsage)", link.subject,
                              servers ? "servers" : "clients"));
  if (!weakSignature(c.signatureOID, link.der).empty())
    return refuse(Alert::bad_certificate, link.subject + " is signed with MD5 or SHA-1");
  const KeyInfo key = readPublicKey(subjectKeyOf(link.der));
  if (!key.fault.empty())
    return refuse(Alert::unsupported_certificate, link.subject + " has a key that " + key.fault);
  if (key.type == KeyType::kRsa && key.bits < kLeastPeerRsaBits)
    return refuse(Alert::bad_certificate,
                  fmt::format("{} has a key of {} bits; at least {} are required", link.subject,
                              key.bits, kLeastPeerRsaBits));
  return {};
}

/// If the option crl is set, requires a CRL of the certificate's issuer that has not expired, and
/// checks that this CRL does not revoke the certificate.
PeerVerdict PeerVerifier::checkRevoked(const Link& link, const std::array<uint8_t, 32>& issuerPin,
                                       int64_t now) const {
  if (!auth_->checksRevocation) return {};
  for (const RevocationList& list : auth_->lists) {
    if (!list.isOf(link.issuerHash, issuerPin)) continue;
    if (now > list.nextUpdate)
      return refuse(Alert::bad_certificate,
                    fmt::format("the CRL of {} has expired ({}): {}", list.issuer,
                                utcText(list.nextUpdate), list.path),
                    true);
    if (list.revokes(link.serial))
      return refuse(Alert::certificate_revoked, link.subject + " is revoked");
    return {};
  }
  return refuse(Alert::bad_certificate,
                fmt::format("{} has no CRL of {}, the issuer of {}", words().crlKey, link.issuer,
                            link.subject),
                true);
}

/// Checks the dates of a trust anchor and whether the anchor is revoked. If the anchor's issuer is
/// an anchor too, the issuer's CRL must not have expired. Otherwise the issuer could have revoked
/// the anchor without culvert knowing.
PeerVerdict PeerVerifier::checkAnchor(const TrustAnchor& anchor, int64_t now) const {
  if (anchor.revoked)
    return refuse(Alert::certificate_revoked, fmt::format("the {} CA {} is revoked by its issuer",
                                                          words().peer, anchor.subject));
  for (size_t index : anchor.issuerLists) {
    const RevocationList& list = auth_->lists[index];
    if (now <= list.nextUpdate) continue;
    return refuse(
        Alert::bad_certificate,
        fmt::format("the CRL of {}, the issuer of the {} CA {}, has expired ({}): {}", list.issuer,
                    words().peer, anchor.subject, utcText(list.nextUpdate), list.path),
        true);
  }
  if (now > anchor.notAfter || now < anchor.notBefore)
    return refuse(Alert::certificate_expired,
                  fmt::format("the {} CA {} {} ({})", words().peer, anchor.subject,
                              now > anchor.notAfter ? "has expired" : "is not valid yet",
                              utcText(now > anchor.notAfter ? anchor.notAfter : anchor.notBefore)),
                  true);
  return {};
}

void PeerVerifier::fillPath(const std::vector<Link>& links, const Path& path, PeerPath& taken) {
  for (size_t k = 0; k < path.way.size(); ++k) {
    const Link& link = links[path.way[k]];
    const bool top = k + 1 == path.way.size();
    taken.steps.push_back(
        {caIdOf(link.issuerHash, top ? path.anchor->keyPin : links[path.way[k + 1]].keyPin),
         link.serial});
    taken.notAfter = std::min(taken.notAfter, link.notAfter);
  }
  taken.anchor = path.anchor->certificateId;
}

/// Tries each CA on the client's path that is a trust anchor now, beginning with the issuer of the
/// client certificate. culvert has not stored other paths of the client, so a refused client may
/// connect again and send another path.
PeerVerdict PeerVerifier::judgeAgain(const PeerIdentity& client, int64_t now) const {
  const PeerCertificate leaf = client.certificate();
  if (!auth_->rules.allows(leaf))
    return refuse(Alert::access_denied, leaf.subject + " no longer matches an allow rule");
  if (auth_->pinsOnly) return {};
  const PeerPath path = client.path();
  if (now > path.notAfter)
    return refuse(Alert::certificate_expired, fmt::format("{}, or a CA above it, has expired ({})",
                                                          leaf.subject, utcText(path.notAfter)));
  PeerVerdict first = refuse(
      Alert::unknown_ca,
      fmt::format("the issuer of {} is no longer in client-ca: {}", leaf.subject, client.issuer()));
  bool tried = false;
  for (size_t k = 0; k < path.steps.size() && k <= auth_->depth; ++k) {
    for (const TrustAnchor& anchor : auth_->anchors) {
      if (anchor.caId != path.steps[k].issuer) continue;
      PeerVerdict verdict = judgeSteps(client, path, k + 1, anchor, now);
      if (verdict) return verdict;
      if (!tried || verdict.ours) first = std::move(verdict);
      tried = true;
    }
  }
  return first;
}

/// Checks the path's first `count` certificates. First refuses a certificate that any CRL revokes,
/// even an expired CRL. Then refuses the client if a CRL is missing or has expired.
PeerVerdict PeerVerifier::judgeSteps(const PeerIdentity& client, const PeerPath& path, size_t count,
                                     const TrustAnchor& anchor, int64_t now) const {
  for (size_t i = 0; i < count; ++i) {
    const RevocationList* list = listOf(path.steps[i].issuer);
    if (list != nullptr && list->revokes(path.steps[i].serial))
      return refuse(Alert::certificate_revoked,
                    (i == 0 ? std::string() : "a CA above ") + client.subject() + " is revoked");
  }
  if (PeerVerdict verdict = checkAnchor(anchor, now); !verdict) return verdict;
  if (anchor.nameConstraints && anchor.certificateId != path.anchor)
    return refuse(Alert::bad_certificate,
                  fmt::format("{} was not verified with the current nameConstraints of {}",
                              client.subject(), anchor.subject));
  for (size_t i = 0; i < count && auth_->checksRevocation; ++i) {
    const RevocationList* list = listOf(path.steps[i].issuer);
    if (list == nullptr || now > list->nextUpdate)
      return refuse(Alert::bad_certificate,
                    fmt::format("crl has no current CRL for {}", client.subject()), true);
  }
  return {};
}

const RevocationList* PeerVerifier::listOf(const ShortId& issuer) const {
  for (const TrustAnchor& anchor : auth_->anchors) {
    if (anchor.caId != issuer) continue;
    for (const RevocationList& list : auth_->lists)
      if (list.isOf(anchor.nameHash, anchor.keyPin)) return &list;
  }
  return nullptr;
}

std::shared_ptr<PeerVerifier> PeerVerifiers::verifierFor(
    const std::shared_ptr<const PeerAuth>& auth) {
  std::erase_if(list_, [](const auto& entry) { return entry.expired(); });
  for (const auto& entry : list_)
    if (auto verifier = entry.lock(); &verifier->auth() == auth.get()) return verifier;
  auto made = std::make_shared<PeerVerifier>(auth);
  list_.push_back(made);
  return made;
}

}  // namespace culvert
