// SPDX-License-Identifier: GPL-3.0-or-later
// Converts certificates and keys from wolfCrypt's structures to CertificateInfo.
#include "tls/x509/certificate_info.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <memory>

#include "base/ascii.h"
#include "base/hex.h"
#include "tls/library/sha256.h"
#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"
#include "tls/x509/cert_manager.h"
#include "tls/x509/der_reader.h"
#include "tls/x509/weak_signature.h"

namespace culvert {

namespace {

/// Converts "/C=DE/CN=x" to "C=DE, CN=x". Replaces unprintable bytes by '?', because names are
/// logged.
std::string nameText(const char* oneLine) {
  std::string in(oneLine);
  std::string out;
  for (size_t i = 0; i < in.size(); ++i) {
    // A slash is a separator only if "TYPE=" follows.
    size_t equals = in.find('=', i);
    bool separator = in[i] == '/' && equals != std::string::npos && equals > i + 1 &&
                     std::all_of(in.begin() + static_cast<long>(i) + 1,
                                 in.begin() + static_cast<long>(equals), isLetter);
    if (separator) {
      if (i != 0) out += ", ";
    } else {
      out += static_cast<unsigned char>(in[i]) < 0x20 || in[i] == 0x7f ? '?' : in[i];
    }
  }
  return out.empty() ? "(no subject)" : out;
}

std::string lowerName(const char* text, int size) {
  std::string out = lower(std::string_view(text, static_cast<size_t>(size)));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return out;
}

Result<int64_t> readDate(const byte* raw, int size) {
  const byte* date = nullptr;
  byte format = 0;
  int length = 0;
  struct tm calendar {};
  if (raw == nullptr || wc_GetDateInfo(raw, size, &date, &format, &length) != 0 ||
      wc_GetDateAsCalendarTime(date, length, format, &calendar) != 0)
    return fail("a date of validity is malformed");
  calendar.tm_isdst = 0;
  return static_cast<int64_t>(::timegm(&calendar));
}

void readNames(const DecodedCert& cert, CertificateInfo& info) {
  for (const DNS_entry* entry = cert.altNames; entry != nullptr; entry = entry->next) {
    if (entry->type == ASN_DNS_TYPE) {
      info.dnsNames.push_back(lowerName(entry->name, entry->len));
    } else if (entry->type == ASN_IP_TYPE && (entry->len == 4 || entry->len == 16)) {
      char text[INET6_ADDRSTRLEN];
      if (::inet_ntop(entry->len == 4 ? AF_INET : AF_INET6, entry->name, text, sizeof(text)) !=
          nullptr)
        info.addresses.emplace_back(text);
    }
  }
#if !defined(OPENSSL_EXTRA) || defined(WOLFSSL_ALT_NAMES_NO_REV)
  // wolfCrypt prepends each name that it reads, so restore the order of the certificate.
  std::reverse(info.dnsNames.begin(), info.dnsNames.end());
  std::reverse(info.addresses.begin(), info.addresses.end());
#endif
  if (info.dnsNames.empty() && info.addresses.empty() && cert.subjectCN != nullptr)
    info.dnsNames.push_back(lowerName(cert.subjectCN, cert.subjectCNLen));
}

/// Reads the value of the TLS feature extension, a SEQUENCE OF INTEGER. Returns true if the
/// SEQUENCE contains the number of status_request.
bool listsStatusRequest(std::span<const uint8_t> value) {
  constexpr uint8_t kStatusRequest = 5;
  const auto features = DerReader(value).next(DerReader::kSequence);
  DerReader list(features ? features->body : std::span<const uint8_t>());
  while (const auto feature = list.next(DerReader::kInteger))
    if (feature->body.size() == 1 && feature->body[0] == kStatusRequest) return true;
  return false;
}

/// Returns whether the TLS feature extension (RFC 7633) contains status_request. wolfSSL does not
/// read that extension.
bool demandsStaple(std::span<const uint8_t> der) {
  constexpr std::string_view kTlsFeature("\x2b\6\1\5\5\7\1\x18");
  const auto whole = DerReader(der).next(DerReader::kSequence);
  const auto signedPart = whole ? DerReader(whole->body).next(DerReader::kSequence) : std::nullopt;
  DerReader fields(signedPart ? signedPart->body : std::span<const uint8_t>());
  while (fields.peek() != DerReader::context(3))
    if (!fields.next()) return false;
  const auto wrapped = fields.next();
  bool demanded = false;
  (void)walkExtensions(wrapped ? wrapped->body : std::span<const uint8_t>(),
                       [&](std::string_view type, bool, std::span<const uint8_t> value) {
                         demanded = demanded || (type == kTlsFeature && listsStatusRequest(value));
                         return true;
                       });
  return demanded;
}

void readUsage(const DecodedCert& cert, CertificateInfo& info) {
  info.authority = cert.isCA != 0;
  if (cert.extKeyUsageSet != 0) {
    info.issues = (cert.extKeyUsage & KEYUSE_KEY_CERT_SIGN) != 0;
    info.signs = (cert.extKeyUsage & KEYUSE_DIGITAL_SIG) != 0;
  }
  if (cert.extExtKeyUsageSet != 0)
    info.servesTls = (cert.extExtKeyUsage & (EXTKEYUSE_ANY | EXTKEYUSE_SERVER_AUTH)) != 0;
}

std::string faultText(int result) {
#if defined(WOLFSSL_MAX_ALT_NAMES) && defined(WOLFSSL_MAX_NAME_CONSTRAINTS)
  if (result == ASN_ALT_NAME_E || result == ASN_NAME_INVALID_E)
    return fmt::format(
        "it has more than {} names, or more than {} name constraints, or one of them is malformed",
        WOLFSSL_MAX_ALT_NAMES, WOLFSSL_MAX_NAME_CONSTRAINTS);
#endif
  return tlsErrorText(result);
}

}  // namespace

std::string fingerprintOf(std::span<const uint8_t> der) {
  std::string out;
  for (const uint8_t& one : sha256Of(der)) {
    if (!out.empty()) out += ':';
    appendHex(out, {&one, 1}, HexCase::kUpper);
  }
  return out;
}

Result<CertificateInfo> readCertificate(std::span<const uint8_t> der) {
  const auto parsed = std::make_unique<ParsedCert>(der);
  const int result = parsed->parse(CERT_TYPE, NO_VERIFY, nullptr);
  const DecodedCert& cert = **parsed;
  if (result != 0) return fail("is not a readable X.509 certificate: " + faultText(result));
  CertificateInfo info;
  info.subject = nameText(cert.subject);
  info.issuer = nameText(cert.issuer);
  readNames(cert, info);
  auto from = readDate(cert.beforeDate, cert.beforeDateLen);
  auto until = readDate(cert.afterDate, cert.afterDateLen);
  if (!from || !until) return fail("a date of validity is malformed");
  info.notBefore = *from;
  info.notAfter = *until;
  KeyInfo key = readPublicKey(subjectKeyOf(der));
  info.keyType = key.type;
  info.keyBits = key.bits;
  info.keyText = std::move(key.text);
  info.keyFault = std::move(key.fault);
  info.keyPss = key.pss;
  info.keyPssScheme = key.pssScheme;
  info.fingerprint = fingerprintOf(der);
  std::memcpy(info.subjectHash.data(), cert.subjectHash,
              std::min<size_t>(sizeof(cert.subjectHash), 32));
  std::memcpy(info.issuerHash.data(), cert.issuerHash,
              std::min<size_t>(sizeof(cert.issuerHash), 32));
  if (cert.extSubjKeyIdSet)
    info.subjectKeyId.assign(cert.extSubjKeyId, cert.extSubjKeyId + sizeof(cert.extSubjKeyId));
  if (cert.extAuthKeyIdSet)
    info.authorityKeyId.assign(cert.extAuthKeyId, cert.extAuthKeyId + sizeof(cert.extAuthKeyId));
  info.serial.assign(cert.serial, cert.serial + std::max(cert.serialSz, 0));
  if (cert.extAuthInfo != nullptr && cert.extAuthInfoSz > 0)
    info.ocspUrl.assign(reinterpret_cast<const char*>(cert.extAuthInfo),
                        static_cast<size_t>(cert.extAuthInfoSz));
  info.mustStaple = demandsStaple(der);
  readUsage(cert, info);
  info.weakHash = weakSignature(cert.signatureOID, der);
  return info;
}

}  // namespace culvert
