// SPDX-License-Identifier: GPL-3.0-or-later
// Credentials: one certificate chain and its private key, parsed and checked once, then frozen and
// shared by every worker and by later configurations that name the same contents. Thread: frozen
// (load: any).
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

/// A PEM file as somebody read it: `path` only serves messages.
struct PemFile {
  std::string path;
  SecretBytes bytes;
};

enum class Validity : uint8_t { kValid, kNotYetValid, kExpired };

/// Why a certificate and its key cannot be used: what is wrong with each of the files, "" where
/// nothing is. Each text names its file.
struct CredentialFaults {
  std::string cert;
  std::string key;
  std::string passphrase;

  bool any() const { return !cert.empty() || !key.empty() || !passphrase.empty(); }
  /// All of them.
  std::string text() const;
};

class Credentials {
 public:
  using Loaded = tl::expected<std::shared_ptr<const Credentials>, CredentialFaults>;

  /// Parses and checks. `key` may be nullptr: then `cert` holds the key too; `passphrase` likewise,
  /// for a key that is not encrypted. What a person should know but may serve (expired, chain out
  /// of order, weak or odd things) is in warnings().
  static Loaded load(const PemFile& cert, const PemFile* key, const PemFile* passphrase = nullptr);

  /// Reads the files, then load().
  static Loaded loadFiles(const CertificateFiles& files);

  /// The hash that load() would give to these contents: the same hash means an unchanged pair,
  /// which can carry over.
  static std::array<uint8_t, 32> hashOf(const PemFile& cert, const PemFile* key);

  const CertificateInfo& leaf() const { return chain_.front(); }
  const std::vector<CertificateInfo>& chain() const { return chain_; }
  /// DER units, leaf first.
  const std::vector<std::vector<uint8_t>>& chainDer() const { return der_; }
  const SecretBytes& keyDer() const { return key_; }
  const std::array<uint8_t, 32>& contentHash() const { return hash_; }
  const std::string& certPath() const { return certPath_; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  /// Why clients refuse it, whatever its dates; it can be served all the same.
  const std::vector<CertificateFlaw>& flaws() const { return flaws_; }
  bool hasFlaw(CertificateFlaw::Kind kind) const;
  /// Where the OCSP response for the leaf lies; the one part that changes.
  StapleSlot& staple() const { return *staple_; }
  /// For who outlives the credentials.
  std::shared_ptr<const StapleSlot> stapleSlot() const { return staple_; }
  /// Whether each certificate of the file issued the one before it.
  bool chainInOrder() const { return chainInOrder_; }

  /// Until when clients accept it (seconds since the epoch): the leaf's date, and that of its issuer
  /// where that is an intermediate of the file.
  int64_t validUntil() const { return validUntil_; }
  /// Against `now`. What is not valid is served all the same, with a warning: a reboot must not
  /// become an outage.
  Validity validity(int64_t now) const;
  /// "2026-11-18 10:00:00 UTC", and whose date that is, unless it is the leaf's.
  std::string validFromText() const;
  std::string validUntilText() const;
  /// "expired 3 days ago (2026-11-18 10:00:00 UTC)", "valid until ...".
  std::string validityText(int64_t now) const;

  /// Whether the leaf's names cover `host` (lower case): 2 = exactly, 1 = by a wildcard label (RFC
  /// 6125 6.4.3: one label, the leftmost), 0 = not.
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

/// From when on (seconds since the epoch) the expiry of a certificate with these dates is worth a
/// warning every day: two weeks before, or the last third of a shorter life.
int64_t expiryWarningFrom(int64_t notBefore, int64_t notAfter);

/// Whether a certificate name ("*.example.org" or "www.example.org") covers `host`; both lower
/// case.
bool nameCovers(std::string_view pattern, std::string_view host);

/// "2026-11-18 10:00:00 UTC"
std::string utcText(int64_t secondsSinceEpoch);

}  // namespace culvert
