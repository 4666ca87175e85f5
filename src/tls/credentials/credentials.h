// SPDX-License-Identifier: GPL-3.0-or-later
// Credentials are one certificate chain and its private key, parsed and checked once. Afterwards
// they are frozen. All workers share them, and later configurations with the same contents share
// them too. Thread: frozen (load: any).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tls/credentials/certificate_files.h"
#include "tls/credentials/staple.h"
#include "tls/library/secret_bytes.h"
#include "tls/x509/certificate_flaws.h"
#include "tls/x509/certificate_info.h"

namespace culvert {

/// The contents of a PEM file. `path` is used in messages only.
struct PemFile {
  std::string path;
  SecretBytes bytes;
};

enum class Validity : uint8_t { kValid, kNotYetValid, kExpired };

/// Why a certificate and its key cannot be used. There is one text for each file, which names the
/// file; the text is empty if the file is correct.
struct CredentialFaults {
  std::string cert;
  std::string key;
  std::string passphrase;

  bool any() const { return !cert.empty() || !key.empty() || !passphrase.empty(); }
  /// All texts joined.
  std::string text() const;
};

class Credentials {
 public:
  using Loaded = tl::expected<std::shared_ptr<const Credentials>, CredentialFaults>;

  /// Parses and checks the files. If `key` is nullptr, `cert` must contain the key too.
  /// `passphrase` may be nullptr if the key is not encrypted. For faults that do not prevent use
  /// (expired, chain out of order, weak keys), see warnings().
  static Loaded load(const PemFile& cert, const PemFile* key, const PemFile* passphrase = nullptr);

  /// Reads the files, then calls load().
  static Loaded loadFiles(const CertificateFiles& files);

  /// The hash that load() computes for these contents. If the hash is equal, the files have not
  /// changed, and a reload keeps the credentials.
  static std::array<uint8_t, 32> hashOf(const PemFile& cert, const PemFile* key);

  const CertificateInfo& leaf() const { return chain_.front(); }
  const std::vector<CertificateInfo>& chain() const { return chain_; }
  /// The certificates in DER, leaf first.
  const std::vector<std::vector<uint8_t>>& chainDer() const { return der_; }
  const SecretBytes& keyDer() const { return key_; }
  const std::array<uint8_t, 32>& contentHash() const { return hash_; }
  const std::string& certPath() const { return certPath_; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  /// Why clients will refuse the certificate, apart from its dates. culvert can serve the
  /// certificate nevertheless.
  const std::vector<CertificateFlaw>& flaws() const { return flaws_; }
  bool hasFlaw(CertificateFlaw::Kind kind) const;
  /// The slot with the OCSP response for the leaf. Only its content may change.
  StapleSlot& staple() const { return *staple_; }
  /// The slot, for callers that outlive the credentials.
  std::shared_ptr<const StapleSlot> stapleSlot() const { return staple_; }
  /// Whether each certificate of the file issued the previous certificate.
  bool chainInOrder() const { return chainInOrder_; }

  /// Until when clients accept the chain, in seconds since the epoch. This is the leaf's expiry, or
  /// the issuer's expiry if the file contains the issuer and the issuer expires earlier.
  int64_t validUntil() const { return validUntil_; }
  /// The validity at `now`. culvert logs a warning but serves an invalid certificate too, because
  /// an expired certificate must not prevent a start.
  Validity validity(int64_t now) const;
  /// "2026-11-18 10:00:00 UTC". If the date is the issuer's and not the leaf's, the text says so.
  std::string validFromText() const;
  std::string validUntilText() const;
  /// "expired 3 days ago (2026-11-18 10:00:00 UTC)", "is valid for 3 days (until ...)".
  std::string validityText(int64_t now) const;

  /// How well the leaf's names cover `host` (lower case): 2 = exactly, 1 = by a wildcard (RFC 6125
  /// 6.4.3: one label, the leftmost), 0 = not at all.
  int matches(std::string_view host) const;

  /// "CN=x, ECDSA P-256, a.example b.example" for --check.
  std::string summary() const;

 private:
  friend struct CredentialsLoader;
  Credentials() = default;

  std::string certPath_;
  std::vector<std::vector<uint8_t>> der_;
  std::vector<CertificateInfo> chain_;
  SecretBytes key_;
  std::array<uint8_t, 32> hash_{};
  std::vector<std::string> warnings_;
  std::vector<CertificateFlaw> flaws_;
  int64_t validFrom_ = 0;
  int64_t validUntil_ = 0;
  std::shared_ptr<StapleSlot> staple_ = std::make_shared<StapleSlot>();
  bool chainInOrder_ = true;
};

/// The time from which culvert warns every day that a certificate with these dates expires. This is
/// two weeks before expiry, or the start of the last third of the lifetime if that is later. In
/// seconds since the epoch.
int64_t expiryWarningFrom(int64_t notBefore, int64_t notAfter);

/// Whether a certificate name ("*.example.org" or "www.example.org") covers `host`. Both must be
/// lower case.
bool nameCovers(std::string_view pattern, std::string_view host);

/// "2026-11-18 10:00:00 UTC"
std::string utcText(int64_t secondsSinceEpoch);

}  // namespace culvert
