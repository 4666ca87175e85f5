// SPDX-License-Identifier: GPL-3.0-or-later
// Reads from DER what type of key a certificate or a private key has. This module also recognizes
// keys that wolfSSL does not support, so that an error text can name the type. Thread: any.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace culvert {

enum class KeyType : uint8_t { kUnknown, kEcdsa, kRsa, kEd25519, kEd448 };

struct KeyInfo {
  KeyType type = KeyType::kUnknown;
  unsigned bits = 0;
  std::string text{};      ///< "ECDSA P-256", "RSA-2048", "RSA-PSS-2048" or "Ed25519"
  std::string fault{};     ///< why wolfSSL cannot use the key; empty if it can
  bool pss = false;        ///< an RSASSA-PSS key (RFC 4055), which signs with rsa_pss_pss_* only
  uint16_t pssScheme = 0;  ///< the only scheme that the parameters allow; 0 means any
};

/// Describes a public key. `spki` is a SubjectPublicKeyInfo (RFC 5280 4.1), with its tag.
KeyInfo readPublicKey(std::span<const uint8_t> spki);

/// Returns the SubjectPublicKeyInfo of a certificate, with its tag. Empty if the certificate is
/// malformed.
std::span<const uint8_t> subjectKeyOf(std::span<const uint8_t> certificate);

/// Describes a private key in DER (PKCS#8, SEC1 or PKCS#1). Fails if wolfSSL cannot use the key.
Result<KeyInfo> readPrivateKey(std::span<const uint8_t> der);

/// Returns the PKCS#1 key inside an RSASSA-PSS key in PKCS#8, because wolfSSL cannot load the
/// RSASSA-PSS key itself. Empty for a key of another type.
std::span<const uint8_t> insideOfPssKey(std::span<const uint8_t> der);

}  // namespace culvert
