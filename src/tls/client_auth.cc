// SPDX-License-Identifier: GPL-3.0-or-later
// Loading and checking of client CAs and revocation lists.
#include "tls/client_auth.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <optional>

#include "base/ascii.h"
#include "tls/cert_manager.h"
#include "tls/certificate_info.h"
#include "tls/credentials.h"
#include "tls/der_reader.h"
#include "tls/pem.h"
#include "tls/tls_error.h"
#include "tls/tls_library.h"

namespace culvert {

namespace {

using Bytes = std::span<const uint8_t>;

constexpr size_t kLongestCaFile = size_t{16} << 20;
constexpr size_t kLongestCrlFile = size_t{64} << 20;
constexpr size_t kMostAnchors = 1000;
constexpr uint8_t kCrlExtensions = 0xa0;

/// UTCTime or GeneralizedTime (RFC 5280 4.1.2.5), seconds since the epoch.
std::optional<int64_t> timeOf(const DerItem& item) {
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

/// Whether an extension of a CRL is critical: lists for a part of the certificates only, or of
/// changes only (RFC 5280 5.2.4, 5.2.5). They must not be taken for whole ones.
bool hasCriticalExtension(Bytes extensions) {
  DerReader outer(extensions);
  const auto list = outer.next(DerReader::kSequence);
  if (!list) return true;
  DerReader reader(list->body);
  while (!reader.done()) {
    const auto extension = reader.next(DerReader::kSequence);
    if (!extension) return true;
    DerReader parts(extension->body);
    (void)parts.next(DerReader::kOid);
    const auto critical = parts.next(DerReader::kBoolean);
    if (critical && critical->body.size() == 1 && critical->body[0] != 0) return true;
  }
  return false;
}

/// Issuer and date of a CRL (RFC 5280 5.1); the rest is wolfSSL's to judge.
std::optional<RevocationList> readList(Bytes der) {
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
  const auto nextUpdate = fields.next();
  if (!algorithm || !issuer || !thisUpdate || !timeOf(*thisUpdate)) return std::nullopt;
  RevocationList list;
  list.der.assign(der.begin(), der.end());
  list.issuer = distinguishedName(issuer->body);
  list.issuerHash = sha256Of(issuer->whole);
  if (nextUpdate) list.nextUpdate = timeOf(*nextUpdate).value_or(0);
  while (!fields.done()) {
    const auto field = fields.next();
    if (!field) return std::nullopt;
    if (field->tag == kCrlExtensions) list.partial = hasCriticalExtension(field->body);
  }
  return list;
}

class Digest {
 public:
  Digest() { wc_InitSha256(&sha_); }
  ~Digest() { wc_Sha256Free(&sha_); }
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  void add(uint64_t number) {
    wc_Sha256Update(&sha_, reinterpret_cast<const byte*>(&number), sizeof(number));
  }
  /// With its length, so that two parts are never taken for one.
  void add(Bytes bytes) {
    add(uint64_t{bytes.size()});
    wc_Sha256Update(&sha_, bytes.data(), static_cast<word32>(bytes.size()));
  }
  void add(std::string_view text) {
    add(Bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  }
  std::array<uint8_t, 32> finish() {
    std::array<uint8_t, 32> out{};
    wc_Sha256Final(&sha_, out.data());
    return out;
  }

 private:
  wc_Sha256 sha_{};
};

class Loader {
 public:
  Loader(const ClientAuthSource& source, int64_t now) : source_(source), now_(now) {}

  ClientAuthLoaded load(const std::shared_ptr<const ClientAuth>& before) {
    readFiles();
    if (!out_.errors.empty()) return std::move(out_);
    auth_ = std::make_shared<ClientAuth>();
    auth_->contentHash = hash();
    manager_.reset(wolfSSL_CertManagerNew());
    if (manager_ == nullptr) {
      caError(0, "no certificate manager: out of memory");
      return std::move(out_);
    }
    readAnchors();
    readLists();
    dropRevoked();
    addRules();
    if (!out_.errors.empty()) return std::move(out_);
    auth_->mode = source_.mode;
    auth_->depth = source_.depth;
    auth_->checksRevocation = !source_.crlFiles.empty();
    const bool same = before != nullptr && before->contentHash == auth_->contentHash;
    out_.auth = same ? before : std::shared_ptr<const ClientAuth>(std::move(auth_));
    return std::move(out_);
  }

 private:
  void caError(size_t index, std::string text) {
    out_.errors.push_back({false, index, std::move(text)});
  }
  void crlError(size_t index, std::string text) {
    out_.errors.push_back({true, index, std::move(text)});
  }

  void readFiles() {
    for (size_t i = 0; i < source_.caFiles.size(); ++i) {
      auto bytes = readSecretFile(source_.caFiles[i], kLongestCaFile);
      if (!bytes) caError(i, bytes.error().text);
      caBytes_.push_back(bytes ? std::move(*bytes) : SecretBytes());
    }
    for (size_t i = 0; i < source_.crlFiles.size(); ++i) {
      auto bytes = readSecretFile(source_.crlFiles[i], kLongestCrlFile);
      if (!bytes) crlError(i, bytes.error().text);
      crlBytes_.push_back(bytes ? std::move(*bytes) : SecretBytes());
    }
  }

  std::array<uint8_t, 32> hash() const {
    Digest sha;
    sha.add(static_cast<uint64_t>(source_.mode));
    sha.add(uint64_t{source_.depth});
    for (const auto* files : {&caBytes_, &crlBytes_}) {
      sha.add(uint64_t{files->size()});
      for (const SecretBytes& file : *files) sha.add(file.span());
    }
    for (const std::string& path : source_.crlFiles) sha.add(path);
    for (const auto& rule : source_.rules) {
      sha.add(static_cast<uint64_t>(rule.kind));
      sha.add(rule.text);
    }
    return sha.finish();
  }

  /// The DER units of a file: its PEM blocks with one of these labels, or the file itself.
  Result<std::vector<std::vector<uint8_t>>> units(const std::string& path, const SecretBytes& file,
                                                  bool (*wanted)(std::string_view label)) {
    std::vector<std::vector<uint8_t>> all;
    auto blocks = scanPem(file.text());
    if (!blocks) return fail(path + ": " + blocks.error().text);
    if (blocks->empty() && file.data()[0] == DerReader::kSequence) {
      all.emplace_back(file.span().begin(), file.span().end());
      return all;
    }
    for (const PemBlock& block : *blocks) {
      if (!wanted(block.label)) continue;
      auto der = decodePem(block);
      if (!der) return fail(path + ": " + der.error().text);
      all.emplace_back(der->span().begin(), der->span().end());
    }
    return all;
  }

  void readAnchors() {
    for (size_t i = 0; i < source_.caFiles.size(); ++i) {
      const std::string& path = source_.caFiles[i];
      auto ders = units(path, caBytes_[i], isCertificateLabel);
      if (!ders) {
        caError(i, ders.error().text);
        continue;
      }
      if (ders->empty())
        caError(i, path +
                       ": no certificate found: a PEM block -----BEGIN CERTIFICATE----- is "
                       "expected");
      for (const auto& der : *ders) readAnchor(i, der);
    }
    if (auth_->anchors.size() > kMostAnchors)
      caError(0, fmt::format("{} certificates of client CAs, at most {} are allowed",
                             auth_->anchors.size(), kMostAnchors));
  }

  void readAnchor(size_t file, const std::vector<uint8_t>& der) {
    const std::string& path = source_.caFiles[file];
    const auto info = readCertificate(der);
    const auto names = readClientCertificate(der);
    if (!info || !names)
      return caError(file, fmt::format("{}: a certificate {}", path,
                                       info ? "is malformed" : info.error().text));
    auto cert = std::make_unique<ParsedCert>(der);
    const int result = cert->parse(CA_TYPE, NO_VERIFY, nullptr);
    const DecodedCert& c = **cert;
    const bool maySign =
        c.isCA != 0 && (c.extKeyUsageSet == 0 || (c.extKeyUsage & KEYUSE_KEY_CERT_SIGN) != 0);
    if (result != 0 || !maySign)
      return caError(file, fmt::format("{}: {} is no CA certificate (basicConstraints CA, keyUsage "
                                       "keyCertSign)",
                                       path, names->subject));
    TrustAnchor anchor;
    anchor.der = der;
    anchor.subject = names->subject;
    anchor.nameHash = names->subjectHash;
    std::memcpy(anchor.keyId.data(), c.extSubjKeyId,
                std::min(anchor.keyId.size(), sizeof(c.extSubjKeyId)));
    anchor.notBefore = info->notBefore;
    anchor.notAfter = info->notAfter;
    anchor.nameConstraints = cert->hasNameConstraints();
    if (now_ > anchor.notAfter || now_ < anchor.notBefore)
      out_.warnings.push_back(
          {false, file,
           fmt::format("{}: {} {} ({}): its clients are refused", path, names->subject,
                       now_ > anchor.notAfter ? "has expired" : "is not valid yet",
                       utcText(now_ > anchor.notAfter ? anchor.notAfter : anchor.notBefore))});
    if (const int added = addAnchor(manager_.get(), der);
        added != WOLFSSL_SUCCESS && now_ <= anchor.notAfter && now_ >= anchor.notBefore)
      return caError(file, fmt::format("{}: {}: {}", path, names->subject, tlsErrorText(added)));
    auth_->anchors.push_back(std::move(anchor));
  }

  void readLists() {
    for (size_t i = 0; i < source_.crlFiles.size(); ++i) {
      const std::string& path = source_.crlFiles[i];
      auto ders = units(path, crlBytes_[i], [](std::string_view label) {
        return label == "X509 CRL" || label == "CRL";
      });
      if (!ders) {
        crlError(i, ders.error().text);
        continue;
      }
      if (ders->empty())
        crlError(i, path +
                        ": no revocation list found: a PEM block -----BEGIN X509 CRL----- or "
                        "DER is expected");
      for (const auto& der : *ders) readOneList(i, der);
    }
  }

  void readOneList(size_t file, const std::vector<uint8_t>& der) {
    const std::string& path = source_.crlFiles[file];
    auto list = readList(der);
    if (!list) return crlError(file, path + ": is no revocation list that can be read");
    const auto warn = [&](std::string text) {
      out_.warnings.push_back(
          {true, file, fmt::format("{}: the list of {} {}", path, list->issuer, std::move(text))});
    };
    if (list->nextUpdate == 0)
      return crlError(file, fmt::format("{}: the list of {} does not say when the next one comes "
                                        "(nextUpdate)",
                                        path, list->issuer));
    if (list->partial)
      return crlError(file, fmt::format("{}: the list of {} has a critical extension: lists of "
                                        "changes, or for some certificates only, cannot be used",
                                        path, list->issuer));
    const bool known =
        std::any_of(auth_->anchors.begin(), auth_->anchors.end(),
                    [&](const TrustAnchor& anchor) { return anchor.nameHash == list->issuerHash; });
    if (!known)
      return warn("is of no use: its issuer is not in client-ca, so it cannot be verified");
    list->path = path;
    const int result = wolfSSL_CertManagerLoadCRLBuffer(
        manager_.get(), der.data(), static_cast<long>(der.size()), WOLFSSL_FILETYPE_ASN1);
    if (now_ > list->nextUpdate) {
      warn(
          fmt::format("has expired ({}): all clients of this issuer are refused until there is a "
                      "new one",
                      utcText(list->nextUpdate)));
    } else if (result == ASN_CRL_NO_SIGNER_E) {
      return warn("is of no use: it is signed with another key than client-ca has for its issuer");
    } else if (result != WOLFSSL_SUCCESS) {
      return crlError(file, fmt::format("{}: the list of {} does not verify: {}", path,
                                        list->issuer, tlsErrorText(result)));
    }
    auth_->lists.push_back(std::move(*list));
  }

  /// A CA in the middle that its own issuer has revoked is no anchor any more.
  void dropRevoked() {
    if (auth_->lists.empty()) return;
    std::erase_if(auth_->anchors, [this](const TrustAnchor& anchor) {
      if (checkLists(manager_.get(), anchor.der) != CRL_CERT_REVOKED) return false;
      out_.warnings.push_back(
          {false, 0, anchor.subject + " is revoked by its issuer: its clients are refused"});
      return true;
    });
  }

  void addRules() {
    for (const auto& rule : source_.rules)
      (void)auth_->rules.add(rule.kind, rule.text);  // sound: checked with the configuration
  }

  const ClientAuthSource& source_;
  const int64_t now_;
  std::vector<SecretBytes> caBytes_, crlBytes_;
  CertManager manager_;
  std::shared_ptr<ClientAuth> auth_;
  ClientAuthLoaded out_;
};

}  // namespace

/// Without it the callback that decides (client_proof.h) would hear of failures only, and a client
/// without a certificate would be none. scripts/wolfssl.sh sets it, Debian's library has it from
/// its OpenSSL layer; both say so in options.h.
Result<void> clientAuthPossible() {
#ifdef WOLFSSL_ALWAYS_VERIFY_CB
  return {};
#else
  return fail("wolfSSL " + tlsLibraryVersion() +
              " as it was built (without WOLFSSL_ALWAYS_VERIFY_CB) cannot verify clients: only off "
              "is possible");
#endif
}

ClientAuthLoaded loadClientAuth(const ClientAuthSource& source, int64_t now,
                                const std::shared_ptr<const ClientAuth>& before) {
  return Loader(source, now).load(before);
}

}  // namespace culvert
