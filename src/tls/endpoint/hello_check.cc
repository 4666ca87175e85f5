// SPDX-License-Identifier: GPL-3.0-or-later
// See hello_check.h.
#include "tls/endpoint/hello_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "tls/protocol/alert_number.h"
#include "tls/protocol/group_number.h"
#include "tls/protocol/tls_names.h"
#include "tls/protocol/wire.h"

namespace culvert {

namespace {

// SignatureScheme numbers (RFC 8446 4.2.3). In TLS 1.2 each number is a pair {hash, signature} (RFC
// 5246 7.4.1.4.1).
constexpr uint8_t kSignatureRsa = 1;
constexpr uint8_t kSignatureEcdsa = 3;
constexpr uint16_t kRsaPssSha256 = 0x0804;
constexpr uint16_t kRsaPssSha512 = 0x0806;
constexpr uint16_t kPssPssSha256 = 0x0809;
constexpr uint16_t kPssPssSha512 = 0x080b;
constexpr uint16_t kEd25519Scheme = 0x0807;
constexpr uint16_t kEd448Scheme = 0x0808;

/// Returns whether the hash of `pair` is stronger than SHA-1. A server must not sign with MD5 or
/// SHA-1 (RFC 9155 4).
bool strongHash(uint16_t pair) { return pair > 0x02ff; }

bool rsaScheme(uint16_t scheme, uint16_t version, const CertificateInfo& leaf) {
  if (leaf.keyPss)
    return leaf.keyPssScheme != 0 ? scheme == leaf.keyPssScheme
                                  : scheme >= kPssPssSha256 && scheme <= kPssPssSha512;
  if (scheme >= kRsaPssSha256 && scheme <= kRsaPssSha512) return true;
  // Only TLS 1.2 has PKCS#1 signatures in handshakes.
  return version < kTls13 && (scheme & 0xff) == kSignatureRsa && strongHash(scheme) &&
         scheme <= 0x0601;
}

bool ecdsaScheme(uint16_t scheme, uint16_t version, unsigned bits) {
  if (version < kTls13)
    return (scheme & 0xff) == kSignatureEcdsa && strongHash(scheme) && scheme <= 0x0603;
  return scheme == (bits == 256 ? 0x0403 : bits == 384 ? 0x0503 : 0x0603);
}

bool signaturesFit(const ClientHello& hello, uint16_t version, const CertificateInfo& leaf) {
  const U16List& offered = hello.signatureAlgorithms;
  for (size_t i = 0; i < offered.size(); ++i) {
    switch (leaf.keyType) {
      case KeyType::kRsa:
        if (rsaScheme(offered[i], version, leaf)) return true;
        break;
      case KeyType::kEcdsa:
        if (ecdsaScheme(offered[i], version, leaf.keyBits)) return true;
        break;
      case KeyType::kEd25519:
        if (offered[i] == kEd25519Scheme) return true;
        break;
      case KeyType::kEd448:
        if (offered[i] == kEd448Scheme) return true;
        break;
      case KeyType::kUnknown:
        return false;
    }
  }
  return false;
}

/// Returns whether `hello` offers a suite of `settings` that a key of the type `type` can serve.
bool suitesFit(const ClientHello& hello, const TlsSettings& settings, uint16_t version,
               KeyType type) {
  const std::vector<uint16_t>& suites =
      version == kTls13 ? settings.suites13() : settings.suites12();
  for (size_t i = 0; i < hello.cipherSuites.size(); ++i) {
    const SuiteInfo* suite = findSuite(hello.cipherSuites[i]);
    if (suite == nullptr || suite->version != version) continue;
    if (!suiteFitsKey(*suite, type)) continue;
    if (std::find(suites.begin(), suites.end(), suite->id) != suites.end()) return true;
  }
  return false;
}

/// Returns whether the client accepts the curve of the certificate's key. Before TLS 1.3,
/// supported_groups also limits that curve (RFC 8422 5.1, 5.3).
bool curveFits(const ClientHello& hello, uint16_t version, const CertificateInfo& leaf) {
  if (version >= kTls13 || leaf.keyType != KeyType::kEcdsa || !hello.hasGroups) return true;
  return hello.groups.contains(leaf.keyBits == 256   ? Group::kP256
                               : leaf.keyBits == 384 ? Group::kP384
                                                     : Group::kP521);
}

HelloVerdict refuseHello(uint8_t alert, std::string reason) {
  return {0, alert, std::move(reason)};
}

/// Joins the names of the first kLimit numbers in `list`, without GREASE and signalling values.
template <class Name>
std::string listed(const U16List& list, Name name) {
  constexpr size_t kLimit = 6;
  std::string out;
  size_t count = 0;
  for (size_t i = 0; i < list.size(); ++i) {
    if (isGrease(list[i]) || list[i] == kRenegotiationScsv || list[i] == kFallbackScsv)
      continue;  // GREASE and signalling values are not suites
    if (count++ < kLimit) out += (out.empty() ? "" : ", ") + name(list[i]);
  }
  if (count > kLimit) out += fmt::format(" and {} more", count - kLimit);
  return out.empty() ? "nothing" : out;
}

/// Returns the protocols that a client offers, for a log line. A client can send any bytes, so the
/// function shortens the text and replaces unprintable bytes.
std::string offeredProtocols(const ClientHello& hello) {
  constexpr size_t kLimit = 6;
  constexpr size_t kLongest = 32;
  std::string out;
  size_t count = 0;
  hello.forEachProtocol([&](std::string_view name) {
    if (count++ >= kLimit) return;
    if (!out.empty()) out += ", ";
    for (char c : name.substr(0, kLongest)) out += c > 0x20 && c < 0x7f && c != '"' ? c : '?';
    if (name.size() > kLongest) out += "...";
  });
  if (count > kLimit) out += fmt::format(" and {} more", count - kLimit);
  return out;
}

uint16_t chooseVersion(const ClientHello& hello, const TlsSettings& settings) {
  for (uint16_t version : {kTls13, kTls12})
    if (version >= settings.minVersion && version <= settings.maxVersion &&
        hello.offersVersion(version))
      return version;
  return 0;
}

std::string versionReason(const ClientHello& hello, const TlsSettings& settings) {
  uint16_t highest = hello.highestVersion();
  if (highest == 0) return "client offers no known TLS version";
  // Here the client and the service have no version in common. The client's highest version may
  // still be above the service's highest version.
  if (highest > settings.maxVersion)
    return fmt::format(
        "client offers {} but no version that the service allows ({})", versionWords(highest),
        settings.minVersion == settings.maxVersion
            ? versionWords(settings.minVersion)
            : versionWords(settings.minVersion) + " to " + versionWords(settings.maxVersion));
  // The client offers only one version if supported_versions has one entry, or if the highest
  // version is TLS 1.0.
  bool only = hello.supportedVersions.size() == 1 || highest == kTls10;
  return fmt::format("client offers {}{}{}, service requires {}", only ? "" : "at most ",
                     versionWords(highest), only ? " only" : "", versionWords(settings.minVersion));
}

/// Checks what RFC 8446 9.2, 4.1.2, 4.2.2 and 4.2.9 require of a TLS 1.3 hello.
HelloVerdict checkTls13Hello(const ClientHello& hello) {
  if (hello.hasCookie)
    return refuseHello(Alert::illegal_parameter,
                       "client sends a cookie that the server did not send");
  if (!hello.onlyNullCompression)
    return refuseHello(Alert::illegal_parameter, "a TLS 1.3 hello offers compression");
  if (hello.hasPreSharedKey && !hello.hasPskModes)
    return refuseHello(Alert::missing_extension, "pre_shared_key without psk_key_exchange_modes");
  if (!hello.hasPreSharedKey && hello.signatureAlgorithms.empty())
    return refuseHello(Alert::missing_extension, "a TLS 1.3 hello lacks signature_algorithms");
  if (!hello.hasGroups)
    return refuseHello(Alert::missing_extension, "a TLS 1.3 hello lacks supported_groups");
  if (!hello.hasKeyShare)
    return refuseHello(Alert::missing_extension, "a TLS 1.3 hello lacks key_share");
  return {kTls13, 0, {}};
}

HelloVerdict checkTls12Hello(const ClientHello& hello) {
  if (hello.signatureAlgorithms.empty())
    return refuseHello(Alert::handshake_failure,
                       "a TLS 1.2 hello lacks signature_algorithms");  // RFC 9155 6
  if (hello.lacksUncompressed)
    return refuseHello(Alert::illegal_parameter,
                       "ec_point_formats lacks the uncompressed format");  // RFC 8422 5.1.2
  return {kTls12, 0, {}};
}

bool groupInCommon(const ClientHello& hello, uint16_t version,
                   const std::vector<uint16_t>& groups) {
  if (!hello.hasGroups)
    return version < kTls13;  // RFC 8422 4: without supported_groups the server may choose
  for (uint16_t group : groups) {
    if (version < kTls13 && isHybridGroup(group)) continue;
    if (hello.groups.contains(group)) return true;
  }
  return false;
}

}  // namespace

bool canServe(const ClientHello& hello, const TlsSettings& settings, uint16_t version,
              const CertificateInfo& leaf) {
  return signaturesFit(hello, version, leaf) && curveFits(hello, version, leaf) &&
         suitesFit(hello, settings, version, leaf.keyType);
}

namespace {

/// Checks that client and service have in common a suite and a signature algorithm that fit the
/// certificate's key.
HelloVerdict checkCredential(const ClientHello& hello, const TlsSettings& settings,
                             uint16_t version, const CertificateInfo& leaf) {
  if (!suitesFit(hello, settings, version, leaf.keyType))
    return refuseHello(Alert::handshake_failure,
                       fmt::format("no cipher suite in common for {}: client offers {}",
                                   versionWords(version), listed(hello.cipherSuites, suiteName)));
  // Resumption needs no signature, so accept a hello that offers a ticket. If culvert then refuses
  // the ticket, wolfSSL refuses the handshake.
  if (version == kTls13 && hello.hasPreSharedKey) return {version, 0, {}};
  if (!signaturesFit(hello, version, leaf) || !curveFits(hello, version, leaf))
    return refuseHello(Alert::handshake_failure,
                       fmt::format("client verifies no signature of the service's certificate ({})",
                                   leaf.keyText));
  return {version, 0, {}};
}

HelloVerdict checkProtocols(const ClientHello& hello, const TlsSettings& settings,
                            uint16_t version) {
  if (!groupInCommon(hello, version, settings.allGroups()))
    return refuseHello(
        Alert::handshake_failure,
        fmt::format("no key exchange group in common: client offers {}, service offers {}",
                    listed(hello.groups, groupName), groupList(settings.allGroups())));
  if (settings.alpn.empty() || hello.alpnList.empty()) return {version, 0, {}};
  bool common = std::any_of(settings.alpn.begin(), settings.alpn.end(),
                            [&](const std::string& name) { return hello.offersProtocol(name); });
  if (common) return {version, 0, {}};
  return refuseHello(Alert::no_application_protocol,
                     fmt::format("no ALPN protocol in common: client offers {}, service offers {}",
                                 offeredProtocols(hello), fmt::join(settings.alpn, ", ")));
}

HelloVerdict checkVersion(const ClientHello& hello, const TlsSettings& settings) {
  // Refuse SSL even if the rest of the hello is acceptable (RFC 8446 appendix D.5).
  if (hello.legacyVersion <= kSsl30)
    return refuseHello(Alert::protocol_version,
                       fmt::format("client offers SSL 3.0 or older, service requires {}",
                                   versionWords(settings.minVersion)));
  uint16_t version = chooseVersion(hello, settings);
  if (version == 0) return refuseHello(Alert::protocol_version, versionReason(hello, settings));
  if (hello.fallbackScsv && hello.highestVersion() < settings.maxVersion)
    return refuseHello(Alert::inappropriate_fallback,
                       fmt::format("client falls back to {} although both sides speak more",
                                   versionWords(version)));
  return version == kTls13 ? checkTls13Hello(hello) : checkTls12Hello(hello);
}

}  // namespace

HelloVerdict judgeHello(const ClientHello& hello, const TlsSettings& settings,
                        const CredentialSet& credentials) {
  HelloVerdict verdict = checkVersion(hello, settings);
  if (!verdict) return verdict;
  const uint16_t version = verdict.version;
  // Required by RFC 6066 3.
  const bool known = !hello.serverName.empty() && credentials.covers(hello.serverName);
  if (settings.strictSni && !known)
    return refuseHello(Alert::unrecognized_name,
                       hello.serverName.empty()
                           ? "client sent no server name, and strict-sni is on"
                           : "no certificate has the server name that the client "
                             "requests, and strict-sni is on");
  if (credentials.empty())
    return refuseHello(Alert::internal_error, "the service has no certificate to serve");
  const size_t credential = credentials.select(hello, settings, version);
  verdict = checkCredential(hello, settings, version, credentials[credential].leaf());
  if (!verdict) return verdict;
  verdict = checkProtocols(hello, settings, version);
  verdict.credential = credential;
  return verdict;
}

}  // namespace culvert
