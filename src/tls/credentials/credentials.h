// SPDX-License-Identifier: GPL-3.0-or-later
// Credentials are one certificate chain and its private key, parsed and checked once, then frozen.
// All workers share them, and a later configuration with the same files shares them too. Thread:
// frozen (load: any).
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

/// The contents of a PEM file. `path` is used only in error texts.
struct PemFile {
  std::string path;
  SecretBytes bytes;
};

enum class Validity : uint8_t { kValid, kNotYetValid, kExpired };

/// Explains why a certificate and its key cannot be used. There is one text for each file. The text
/// names the file, or is empty if the file is correct.
struct CredentialFaults {
  std::string cert;
  std::string key;
  std::string passphrase;

  bool any() const { return !cert.empty() || !key.empty() || !passphrase.empty(); }
  /// Returns the texts of all three files, joined.
  std::string text() const;
};

class Credentials {
 public:
  using Loaded = tl::expected<std::shared_ptr<const Credentials>, CredentialFaults>;

  /// Parses and checks the files. If `key` is nullptr, `cert` must contain the key too. If the key
  /// is not encrypted, `passphrase` may be nullptr. Faults that do not prevent use, such as an
  /// expired certificate or a chain out of order, are in warnings().
  static Loaded load(const PemFile& cert, const PemFile* key, const PemFile* passphrase = nullptr);

  /// Reads the files from disk, then calls load().
  static Loaded loadFiles(const CertificateFiles& files);

  /// Returns the hash that load() computes for these contents. If a reload finds an equal hash, it
  /// keeps the old credentials.
  static std::array<uint8_t, 32> hashOf(const PemFile& cert, const PemFile* key);

  const CertificateInfo& leaf() const { return chain_.front(); }
  const std::vector<CertificateInfo>& chain() const { return chain_; }
  /// The certificates of the chain in DER, leaf first.
  const std::vector<std::vector<uint8_t>>& chainDer() const { return der_; }
  const SecretBytes& keyDer() const { return key_; }
  const std::array<uint8_t, 32>& contentHash() const { return hash_; }
  const std::string& certPath() const { return certPath_; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  /// The flaws for which clients will refuse the certificate, apart from its dates. culvert can
  /// still serve the certificate.
  const std::vector<CertificateFlaw>& flaws() const { return flaws_; }
  bool hasFlaw(CertificateFlaw::Kind kind) const;
  /// The slot with the OCSP response for the leaf. The slot never changes, but its content may.
  StapleSlot& staple() const { return *staple_; }
  /// The slot of staple(), for callers that outlive the credentials.
  std::shared_ptr<const StapleSlot> stapleSlot() const { return staple_; }
  /// Returns whether each certificate in the file issued the certificate before it.
  bool chainInOrder() const { return chainInOrder_; }

  /// The time until which clients accept the chain, in seconds since the epoch. This is the expiry
  /// of the leaf, or the expiry of the issuer if the file contains the issuer and the issuer
  /// expires earlier.
  int64_t validUntil() const { return validUntil_; }
  /// Returns the validity of the certificate at `now`. culvert serves an invalid certificate too
  /// and logs a warning, because an expired certificate must not prevent a start.
  Validity validity(int64_t now) const;
  /// The dates as text: "2026-11-18 10:00:00 UTC". The text says so if the date is the issuer's.
  std::string validFromText() const;
  std::string validUntilText() const;
  /// For example "expired 3 days ago (2026-11-18 10:00:00 UTC)" or "is valid for 3 days (until
  /// ...)".
  std::string validityText(int64_t now) const;

  /// Returns how the leaf's names cover `host` (lower case): 2 if a name is equal, 1 if a wildcard
  /// matches the first label of `host` (RFC 6125 6.4.3), and 0 if no name covers `host`.
  int matches(std::string_view host) const;

  /// A summary for --check, for example "CN=x, ECDSA P-256, a.example b.example".
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

/// Returns when culvert begins to warn every day that a certificate with these dates will expire,
/// in seconds since the epoch. The result is two weeks before expiry, or the start of the last
/// third of the lifetime if that start is later.
int64_t expiryWarningFrom(int64_t notBefore, int64_t notAfter);

/// Returns whether a certificate name ("*.example.org" or "www.example.org") covers `host`. Both
/// must be in lower case.
bool nameCovers(std::string_view pattern, std::string_view host);

/// Formats a time like "2026-11-18 10:00:00 UTC".
std::string utcText(int64_t secondsSinceEpoch);

/// Returns a length of time in its largest unit, for example "3 days" or "less than a minute".
std::string spanText(int64_t seconds);

}  // namespace culvert
