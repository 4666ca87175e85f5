// SPDX-License-Identifier: GPL-3.0-or-later
// Loads and checks a certificate chain and its key.
#include "tls/credentials/credentials.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "tls/library/sha256.h"
#include "tls/library/wolfssl.h"
#include "tls/x509/der_reader.h"
#include "tls/x509/encrypted_key.h"
#include "tls/x509/pem.h"

namespace culvert {

namespace {

constexpr size_t kMaxChain = 9;  // wolfSSL's limit (MAX_CHAIN_DEPTH)

struct ContextDeleter {
  void operator()(WOLFSSL_CTX* ctx) const { wolfSSL_CTX_free(ctx); }
};

/// Returns whether `key` is the private key of `certificate`. Loads both into a wolfSSL server
/// context.
bool keyFits(const std::vector<uint8_t>& certificate, const SecretBytes& key) {
  std::unique_ptr<WOLFSSL_CTX, ContextDeleter> ctx(wolfSSL_CTX_new(wolfTLSv1_2_server_method()));
  return ctx != nullptr &&
         wolfSSL_CTX_use_certificate_buffer(ctx.get(), certificate.data(),
                                            static_cast<long>(certificate.size()),
                                            WOLFSSL_FILETYPE_ASN1) == WOLFSSL_SUCCESS &&
         wolfSSL_CTX_use_PrivateKey_buffer(ctx.get(), key.data(), static_cast<long>(key.size()),
                                           WOLFSSL_FILETYPE_ASN1) == WOLFSSL_SUCCESS &&
         wolfSSL_CTX_check_private_key(ctx.get()) == WOLFSSL_SUCCESS;
}

std::string labelsOf(const std::vector<PemBlock>& blocks) {
  std::string out;
  for (const PemBlock& block : blocks)
    out += fmt::format("{}-----BEGIN {}-----", out.empty() ? "" : ", ", block.label);
  return out;
}

/// Returns whether the bytes are PKCS #12. A PFX starts with a version number (RFC 7292 4), but a
/// certificate or a key in DER does not start with that number.
bool isPkcs12(std::span<const uint8_t> bytes) {
  DerReader file(bytes);
  DerReader parts(file.next(DerReader::kSequence).value_or(DerItem{}).body);
  const auto version = parts.next(DerReader::kInteger);
  return version && version->body.size() == 1 && version->body[0] == 3;
}

/// Returns the PEM blocks of a file, or an error that names the file. Recognizes a file in DER by
/// its first byte, to suggest a conversion.
Result<std::vector<PemBlock>> blocksOf(const PemFile& file) {
  auto blocks = scanPem(file.bytes.text());
  if (!blocks) return fail(file.path + ": " + blocks.error().text);
  if (blocks->empty() && isPkcs12(file.bytes.span()))
    return fail(file.path +
                ": is a PKCS#12 archive; convert it to PEM (openssl pkcs12 -in FILE -noenc)");
  if (blocks->empty() && !file.bytes.empty() && file.bytes.data()[0] == 0x30)
    return fail(
        file.path +
        ": is in DER form; convert it to PEM (openssl x509 -inform der, openssl pkey -inform der)");
  return blocks;
}

}  // namespace

struct CredentialsLoader {
  const PemFile& cert;
  const PemFile* key;
  const PemFile* passphrase;
  std::shared_ptr<Credentials> out{new Credentials()};

  const std::string& keyPath() const { return key != nullptr ? key->path : cert.path; }

  Result<void> readChain() {
    auto blocks = blocksOf(cert);
    if (!blocks) return tl::unexpected(blocks.error());
    for (const PemBlock& block : *blocks) {
      if (block.label == "TRUSTED CERTIFICATE")
        return fail(cert.path +
                    ": holds an OpenSSL trusted certificate; convert it with openssl x509");
      if (!isCertificateLabel(block.label)) continue;
      auto der = decodePem(block);
      if (!der) return fail(cert.path + ": " + der.error().text);
      auto info = readCertificate(der->span());
      if (!info)
        return fail(fmt::format("{}: certificate {} {}", cert.path, out->der_.size() + 1,
                                info.error().text));
      out->der_.emplace_back(der->data(), der->data() + der->size());
      out->chain_.push_back(std::move(*info));
    }
    if (out->der_.empty())
      return fail(fmt::format(
          "{}: no certificate found: a PEM block -----BEGIN CERTIFICATE----- is expected{}",
          cert.path, blocks->empty() ? "" : ", there is " + labelsOf(*blocks)));
    if (out->der_.size() > kMaxChain)
      return fail(fmt::format("{}: holds {} certificates, at most {} can be sent", cert.path,
                              out->der_.size(), kMaxChain));
    return {};
  }

  Result<void> readKey() {
    const PemFile& file = key != nullptr ? *key : cert;
    auto blocks = blocksOf(file);
    if (!blocks) return tl::unexpected(blocks.error());
    for (const PemBlock& block : *blocks) {
      if (!isKeyLabel(block.label)) continue;
      auto der = keyOf(block);
      if (!der) return fail(file.path + ": " + der.error().text);
      if (!out->key_.empty()) return fail(file.path + ": holds two private keys");
      out->key_ = std::move(*der);
    }
    if (!out->key_.empty()) return {};
    if (key == nullptr)
      return fail(fmt::format(
          "{}: no private key found: put it into the file or name its file with \"key\"",
          file.path));
    return fail(fmt::format(
        "{}: no private key found: a PEM block -----BEGIN PRIVATE KEY----- is expected{}",
        file.path, blocks->empty() ? "" : ", there is " + labelsOf(*blocks)));
  }

  Result<SecretBytes> keyOf(const PemBlock& block) const {
    if (block.label == "OPENSSH PRIVATE KEY")
      return fail(
          "the private key is in OpenSSH format, which is not supported; convert it: "
          "ssh-keygen "
          "-p -m PEM -f FILE");
    if (!isEncryptedKey(block)) return decodePem(block);
    if (auto known = checkKeyEncryption(block); !known) return tl::unexpected(known.error());
    if (passphrase == nullptr)
      return fail(
          "the private key is encrypted; name the file of its passphrase with "
          "\"key-passphrase-file\", or decrypt it with: openssl pkey -in FILE -out FILE");
    std::string_view text = passphrase->bytes.text();
    text = text.substr(0, text.find_first_of("\r\n"));
    return decryptKey(block, text);
  }

  Result<void> match() {
    const CertificateInfo& leaf = out->leaf();
    if (!leaf.keyFault.empty())
      return fail(fmt::format("{}: the key of the certificate cannot be used: {}", cert.path,
                              leaf.keyFault));
    auto info = readPrivateKey(out->key_.span());
    if (!info) return fail(fmt::format("{}: the private key {}", keyPath(), info.error().text));
    if (auto inside = insideOfPssKey(out->key_.span()); !inside.empty())
      out->key_ = SecretBytes(inside);
#ifndef CULVERT_RSA_PSS
    if (leaf.keyPss)
      return fail(cert.path +
                  ": RSASSA-PSS keys need the wolfSSL that culvert is built with by default");
#endif
    for (size_t i = 0; i < out->der_.size(); ++i) {
      if (info->type != out->chain_[i].keyType || !keyFits(out->der_[i], out->key_)) continue;
      if (i == 0) return {};
      return fail(fmt::format(
          "{}: the key belongs to certificate {} ({}), not to the first ({}): put the server's own "
          "certificate first",
          cert.path, i + 1, out->chain_[i].subject, leaf.subject));
    }
    std::string why =
        info->text != leaf.keyText
            ? fmt::format(": the key is {}, the certificate has {}", info->text, leaf.keyText)
            : std::string();
    return fail(fmt::format("key {} does not belong to certificate {} ({}){}", keyPath(), cert.path,
                            leaf.subject, why));
  }

  void warn() {
    std::vector<std::string>& warnings = out->warnings_;
    const auto& chain = out->chain_;
    for (size_t i = 0; i + 1 < chain.size(); ++i) {
      const CertificateInfo& below = chain[i];
      const CertificateInfo& above = chain[i + 1];
      bool sameKey = below.authorityKeyId.empty() || above.subjectKeyId.empty() ||
                     below.authorityKeyId == above.subjectKeyId;
      if (below.issuerHash == above.subjectHash && sameKey) continue;
      warnings.push_back(fmt::format(
          "{}: certificate {} ({}) was not issued by certificate {} ({}){}: the chain is "
          "incomplete or out of order",
          cert.path, i + 1, below.subject, i + 2, above.subject,
          below.issuerHash == above.subjectHash ? " but by another key with that name" : ""));
      out->chainInOrder_ = false;
      break;
    }
    const CertificateInfo& leaf = chain.front();
    if (leaf.dnsNames.empty() && leaf.addresses.empty())
      warnings.push_back(cert.path + ": the certificate names no host");
  }

  void judge() {
    out->flaws_ = flawsOf(out->chain_);
    out->validFrom_ = out->leaf().notBefore;
    out->validUntil_ = out->leaf().notAfter;
    if (const CertificateInfo* issuer = intermediateOf(out->chain_)) {
      out->validFrom_ = std::max(out->validFrom_, issuer->notBefore);
      out->validUntil_ = std::min(out->validUntil_, issuer->notAfter);
    }
  }
};

std::string CredentialFaults::text() const {
  std::string all;
  for (const std::string* one : {&cert, &key, &passphrase})
    if (!one->empty()) all += (all.empty() ? "" : "; ") + *one;
  return all;
}

Credentials::Loaded Credentials::load(const PemFile& cert, const PemFile* key,
                                      const PemFile* passphrase) {
  CredentialsLoader loader{cert, key, passphrase};
  loader.out->certPath_ = cert.path;
  CredentialFaults faults;
  std::string& ofKey = key != nullptr ? faults.key : faults.cert;
  if (auto chain = loader.readChain(); !chain) faults.cert = chain.error().text;
  if (auto read = loader.readKey(); !read && ofKey.empty()) ofKey = read.error().text;
  if (!faults.any()) {
    if (auto match = loader.match(); !match) ofKey = match.error().text;
  }
  if (faults.any()) return tl::unexpected(std::move(faults));
  loader.warn();
  loader.judge();
  loader.out->hash_ = hashOf(cert, key);
  return std::shared_ptr<const Credentials>(std::move(loader.out));
}

Credentials::Loaded Credentials::loadFiles(const CertificateFiles& files) {
  CredentialFaults faults;
  PemFile cert{files.cert, {}};
  PemFile key{files.key, {}};
  PemFile passphrase{files.passphrase, {}};
  const auto read = [](PemFile& file, std::string& fault) {
    auto bytes = readSecretFile(file.path);
    if (bytes) {
      file.bytes = std::move(*bytes);
    } else {
      fault = bytes.error().text;
    }
  };
  read(cert, faults.cert);
  if (!files.key.empty()) read(key, faults.key);
  if (!files.passphrase.empty()) read(passphrase, faults.passphrase);
  if (faults.any()) return tl::unexpected(std::move(faults));
  return load(cert, files.key.empty() ? nullptr : &key,
              files.passphrase.empty() ? nullptr : &passphrase);
}

std::array<uint8_t, 32> Credentials::hashOf(const PemFile& cert, const PemFile* key) {
  Sha256Hasher sha;
  const auto add = [&sha](const PemFile& file) {
    // Hash the length too. Otherwise, moving bytes from the end of one file to the start of the
    // other would not change the hash.
    sha.addInteger(file.bytes.size());
    sha.add(file.bytes.span());
    sha.add(file.path);
  };
  add(cert);
  if (key != nullptr) add(*key);
  return sha.finish();
}

bool Credentials::hasFlaw(CertificateFlaw::Kind kind) const {
  return std::any_of(flaws_.begin(), flaws_.end(),
                     [kind](const CertificateFlaw& flaw) { return flaw.kind == kind; });
}

Validity Credentials::validity(int64_t now) const {
  if (now < validFrom_) return Validity::kNotYetValid;
  return now > validUntil_ ? Validity::kExpired : Validity::kValid;
}

namespace {

constexpr const char* kOfIssuer = ", as its issuer in the file";

}  // namespace

std::string Credentials::validFromText() const {
  return utcText(validFrom_) + (validFrom_ == leaf().notBefore ? "" : kOfIssuer);
}

std::string Credentials::validUntilText() const {
  return utcText(validUntil_) + (validUntil_ == leaf().notAfter ? "" : kOfIssuer);
}

std::string Credentials::validityText(int64_t now) const {
  switch (validity(now)) {
    case Validity::kNotYetValid:
      return fmt::format("is valid only in {} (from {})", spanText(validFrom_ - now),
                         validFromText());
    case Validity::kExpired:
      return fmt::format("expired {} ago ({})", spanText(now - validUntil_), validUntilText());
    case Validity::kValid:
      break;
  }
  return fmt::format("is valid for {} (until {})", spanText(validUntil_ - now), validUntilText());
}

int Credentials::matches(std::string_view host) const {
  int best = 0;
  for (const std::string& name : leaf().dnsNames) {
    if (name == host) return 2;
    if (nameCovers(name, host)) best = 1;
  }
  for (const std::string& address : leaf().addresses)
    if (address == host) return 2;
  return best;
}

std::string Credentials::summary() const {
  std::string names;
  for (const auto* list : {&leaf().dnsNames, &leaf().addresses})
    for (const std::string& name : *list) names += (names.empty() ? "" : " ") + name;
  return fmt::format("{}, {}, {}", leaf().subject, leaf().keyText, names);
}

bool nameCovers(std::string_view pattern, std::string_view host) {
  if (pattern == host) return true;
  if (pattern.size() < 3 || pattern.substr(0, 2) != "*.") return false;
  size_t dot = host.find('.');
  return dot != std::string_view::npos && dot > 0 && host.substr(dot) == pattern.substr(1);
}

int64_t expiryWarningFrom(int64_t notBefore, int64_t notAfter) {
  constexpr int64_t kTwoWeeks = 14 * 86400;
  const int64_t third = notAfter > notBefore ? (notAfter - notBefore) / 3 : 0;
  return notAfter - std::min(kTwoWeeks, third);
}

std::string spanText(int64_t seconds) {
  constexpr int64_t kDay = 86400;
  auto some = [](int64_t count, std::string_view unit) {
    return fmt::format("{} {}{}", count, unit, count == 1 ? "" : "s");
  };
  if (seconds >= 2 * kDay) return some(seconds / kDay, "day");
  if (seconds >= 3600) return some(seconds / 3600, "hour");
  return seconds < 60 ? "less than a minute" : some(seconds / 60, "minute");
}

std::string utcText(int64_t secondsSinceEpoch) {
  std::time_t time = static_cast<std::time_t>(secondsSinceEpoch);
  struct tm calendar {};
  ::gmtime_r(&time, &calendar);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", calendar.tm_year + 1900,
                     calendar.tm_mon + 1, calendar.tm_mday, calendar.tm_hour, calendar.tm_min,
                     calendar.tm_sec);
}

}  // namespace culvert
