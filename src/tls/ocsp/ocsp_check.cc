// SPDX-License-Identifier: GPL-3.0-or-later
// See ocsp_check.h. wolfSSL checks the content of the response. culvert verifies the signer itself,
// because wolfSSL 5.9.2 does not verify the certificate of a responder that the issuer has
// authorised (fixed upstream later, pull request 11195). wolfSSL has only one error code for a
// refused response, so culvert then reads the response to find the reason.
#include "tls/ocsp/ocsp_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hex.h"
#include "tls/library/tls_library.h"
#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"
#include "tls/ocsp/ocsp_reader.h"
#include "tls/x509/cert_manager.h"
#include "tls/x509/signed_data.h"

// wolfSSL defines WOLFSSL_OCSP_STATUS_CB_OK since the first release in which a server can staple
// from a callback.
#if defined(HAVE_OCSP) && defined(HAVE_CERTIFICATE_STATUS_REQUEST) && \
    defined(WOLFSSL_OCSP_STATUS_CB_OK)
#define CULVERT_CAN_STAPLE 1
#include <wolfssl/ocsp.h>
#endif

namespace culvert {

std::span<const uint8_t> issuerOf(const Credentials& credentials) {
  const CertificateInfo& leaf = credentials.leaf();
  const auto& chain = credentials.chain();
  for (size_t i = 1; i < chain.size(); ++i) {
    const bool sameKey = leaf.authorityKeyId.empty() || chain[i].subjectKeyId.empty() ||
                         leaf.authorityKeyId == chain[i].subjectKeyId;
    if (chain[i].subjectHash == leaf.issuerHash && sameKey) return credentials.chainDer()[i];
  }
  return {};
}

#ifdef CULVERT_CAN_STAPLE

namespace {

// The validity in seconds of a response without nextUpdate. mozilla::pkix accepts such a response
// for a day, and other clients accept it for nearly as long.
constexpr int64_t kDefaultValidity = 86400;

constexpr size_t kMaxRequest = 1024;

struct RequestDeleter {
  void operator()(OcspRequest* request) const { wc_OcspRequest_free(request); }
};

/// The data that a request and its verification need: a certificate manager that trusts the issuer,
/// and the CertID of the leaf.
struct Inquiry {
  CertManager manager;
  std::unique_ptr<OcspRequest, RequestDeleter> request;

  Result<void> open(const Credentials& credentials);
  Result<void> ask(const std::vector<uint8_t>& leaf);
};

Result<void> Inquiry::open(const Credentials& credentials) {
  const auto issuer = issuerOf(credentials);
  if (issuer.empty())
    return fail(
        "the issuer's certificate is not in the chain, and without it no OCSP response can be "
        "verified");
  manager.reset(wolfSSL_CertManagerNew());
  if (manager == nullptr) return fail("out of memory");
  int result = wolfSSL_CertManagerLoadCABuffer(
      manager.get(), issuer.data(), static_cast<long>(issuer.size()), WOLFSSL_FILETYPE_ASN1);
  if (result != WOLFSSL_SUCCESS)
    return fail("the issuer's certificate cannot be used: " + tlsErrorText(result));
  result = wolfSSL_CertManagerEnableOCSP(manager.get(), WOLFSSL_OCSP_NO_NONCE);
  if (result != WOLFSSL_SUCCESS) return fail("OCSP: " + tlsErrorText(result));
  return ask(credentials.chainDer().front());
}

Result<void> Inquiry::ask(const std::vector<uint8_t>& leaf) {
  const auto parsed = std::make_unique<ParsedCert>(leaf);  // a ParsedCert takes several KiB
  // Parse with verification. Otherwise wolfSSL does not compute the hash of the issuer's key.
  int result = parsed->parse(CERT_TYPE, VERIFY, manager.get());
  if (result == 0) {
    request.reset(wc_OcspRequest_new(nullptr));
    result = request != nullptr ? wc_InitOcspRequest(request.get(), parsed->get(), 0, nullptr)
                                : MEMORY_E;
  }
  if (result != 0) return fail("the certificate is not valid: " + tlsErrorText(result));
  return {};
}

std::string trimmedSerial(const std::vector<uint8_t>& serial) {
  const auto start = std::find_if(serial.begin(), serial.end(), [](uint8_t b) { return b != 0; });
  return encodeHex({start, serial.end()});
}

constexpr std::string_view kNotAuthorised =
    "is not signed by the issuer or by a responder that the issuer has authorised";

/// Judges the certificate `der` of a responder. Returns the time until which the responder may
/// sign, or an error that says why the responder may not sign.
Result<int64_t> judgeDelegate(std::span<const uint8_t> der, std::span<const uint8_t> issuerKey,
                              const CertManager& manager, int64_t now) {
  DerReader file(der);
  DerReader parts(file.next(DerReader::kSequence).value_or(DerItem{}).body);
  const auto data = readSignedData(parts);
  const auto info = readCertificate(der);
  if (!data || !info) return fail(std::string(kNotAuthorised));
  switch (verifySignature(*data, issuerKey)) {
    case SignatureVerdict::kSound:
      break;
    case SignatureVerdict::kWeak:
      return fail("is signed by a responder whose certificate is signed with MD5 or SHA-1");
    default:
      return fail(std::string(kNotAuthorised));
  }
  if (now > info->notAfter)
    return fail(fmt::format("is signed by a responder whose certificate has expired ({})",
                            utcText(info->notAfter)));
  if (now < info->notBefore)
    return fail(fmt::format("is signed by a responder whose certificate is not valid yet ({})",
                            utcText(info->notBefore)));
  auto cert = std::make_unique<ParsedCert>(der);
  if (const int error = cert->parse(CERT_TYPE, VERIFY, manager.get()); error != 0)
    return fail("is signed by a responder whose certificate does not verify: " +
                tlsErrorText(error));
  const DecodedCert& c = **cert;
  if ((c.extExtKeyUsage & EXTKEYUSE_OCSP_SIGN) == 0 ||
      (c.extKeyUsageSet != 0 && (c.extKeyUsage & KEYUSE_DIGITAL_SIG) == 0))
    return fail(
        "is signed by a certificate of the issuer that is not meant for OCSP (extendedKeyUsage "
        "OCSPSigning, keyUsage digitalSignature)");
  return info->notAfter;
}

/// Judges the signer of a response. The signer must be the issuer, or have a certificate from the
/// issuer for signing OCSP responses (RFC 6960 4.2.2.2). Returns the time until which the signature
/// is valid.
Result<int64_t> judgeSigner(std::span<const uint8_t> issuer, const CertManager& manager,
                            std::span<const uint8_t> response, int64_t now) {
  const auto signature = readOcspSignature(response);
  if (!signature) return fail(std::string(kNotAuthorised));
  const auto issuerKey = publicKeyOf(issuer);
  switch (verifySignature(signature->data, issuerKey)) {
    case SignatureVerdict::kSound:
      return INT64_MAX;
    case SignatureVerdict::kWeak:
      return fail("is signed with MD5 or SHA-1");
    case SignatureVerdict::kUnknown:
      return fail("is signed with an unsupported algorithm");
    case SignatureVerdict::kFalse:
      break;
  }
  for (const auto& der : signature->certificates)
    if (verifySignature(signature->data, publicKeyOf(der)) == SignatureVerdict::kSound)
      return judgeDelegate(der, issuerKey, manager, now);
  return fail(std::string(kNotAuthorised));
}

/// Returns the reason for which wolfSSL probably refused the response.
std::string reasonOfRefusal(const Credentials& credentials, std::span<const uint8_t> response,
                            int64_t now) {
  const auto summary = readOcspSummary(response);
  if (!summary) return summary.error().text;
  if (summary->responseStatus != 0)
    return fmt::format("is an error: {}", ocspResponseStatusName(summary->responseStatus));
  const std::string serial = trimmedSerial(credentials.leaf().serial);
  const OcspSingle* ours = nullptr;
  for (const OcspSingle& single : summary->singles)
    if (trimmedSerial(single.serial) == serial) ours = &single;
  if (ours == nullptr) return "is for another certificate";
  if (!ours->sha1) return "identifies the certificate by a hash other than SHA-1";
  if (ours->thisUpdate > now)
    return fmt::format("is valid only from {}", utcText(ours->thisUpdate));
  if (ours->nextUpdate && *ours->nextUpdate < now)
    return fmt::format("has expired ({})", utcText(*ours->nextUpdate));
  return std::string(kNotAuthorised);
}

std::optional<int64_t> timeOf(const byte* date) {
  return readGeneralizedTime({date, std::find(date, date + MAX_DATE_SIZE, byte{0})});
}

}  // namespace

Result<void> staplingPossible() { return {}; }

Result<std::vector<uint8_t>> makeOcspRequest(const Credentials& credentials) {
  Inquiry inquiry;
  if (auto opened = inquiry.open(credentials); !opened) return tl::unexpected(opened.error());
  std::vector<uint8_t> der(kMaxRequest);
  const int size = wc_EncodeOcspRequest(inquiry.request.get(), der.data(), kMaxRequest);
  if (size <= 0) return fail("cannot make an OCSP request: " + tlsErrorText(size));
  der.resize(static_cast<size_t>(size));
  return der;
}

Result<std::shared_ptr<const Staple>> checkOcspResponse(const Credentials& credentials,
                                                        std::span<const uint8_t> response,
                                                        int64_t now) {
  if (response.size() > kMaxOcspResponse)
    return fail(fmt::format("is larger than {} bytes", kMaxOcspResponse));
  Inquiry inquiry;
  if (auto opened = inquiry.open(credentials); !opened)
    return fail("cannot be checked: " + opened.error().text);
  auto staple = std::make_shared<Staple>();
  staple->response.assign(response.begin(), response.end());
  CertStatus status{};
  const int result = wolfSSL_CertManagerCheckOCSPResponse(
      inquiry.manager.get(), staple->response.data(), static_cast<int>(response.size()), nullptr,
      &status, nullptr, inquiry.request.get());
  if (result == OCSP_CERT_UNKNOWN)
    return fail("says that the responder does not know the certificate");
  staple->revoked = result == OCSP_CERT_REVOKED;
  if (result != WOLFSSL_SUCCESS && !staple->revoked)
    return fail(reasonOfRefusal(credentials, response, now));
  const auto signedUntil =
      judgeSigner(issuerOf(credentials), inquiry.manager, staple->response, now);
  if (!signedUntil) return fail(signedUntil.error().text);
  const auto from = timeOf(status.thisDate);
  const auto until = status.nextDate[0] != 0 ? timeOf(status.nextDate)
                     : from                  ? std::optional(*from + kDefaultValidity)
                                             : std::nullopt;
  if (!from || !until) return fail("has a malformed time");
  if (*until < now) return fail(fmt::format("has expired ({})", utcText(*until)));
  staple->thisUpdate = *from;
  staple->validUntil = std::min(*until, *signedUntil);  // clients check both times
  staple->verifiedAt = now;
  return std::shared_ptr<const Staple>(std::move(staple));
}

#else

Result<void> staplingPossible() {
  return fail("wolfSSL " + tlsLibraryVersion() + " as it was built cannot staple OCSP responses");
}

Result<std::vector<uint8_t>> makeOcspRequest(const Credentials&) {
  return tl::unexpected(staplingPossible().error());
}

Result<std::shared_ptr<const Staple>> checkOcspResponse(const Credentials&,
                                                        std::span<const uint8_t>, int64_t) {
  return tl::unexpected(staplingPossible().error());
}

#endif

}  // namespace culvert
