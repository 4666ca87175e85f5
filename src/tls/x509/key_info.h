// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the kind of a public or private key from its DER. It also recognises keys that wolfSSL does
// not support, so that error texts can name their kind. Thread: any.
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
  std::string text{};      ///< "ECDSA P-256", "RSA-2048", "RSA-PSS-2048", "Ed25519"
  std::string fault{};     ///< why wolfSSL cannot use the key; empty: no fault
  bool pss = false;        ///< an RSASSA-PSS key (RFC 4055), which signs with rsa_pss_pss_* only
  uint16_t pssScheme = 0;  ///< the scheme that the key's parameters require; 0: any
};

/// Reads a public key. `spki` is a SubjectPublicKeyInfo (RFC 5280 4.1), with its tag.
KeyInfo readPublicKey(std::span<const uint8_t> spki);

/// The SubjectPublicKeyInfo of a certificate, with its tag; empty if the certificate is malformed.
std::span<const uint8_t> subjectKeyOf(std::span<const uint8_t> certificate);

/// Reads a private key in DER (PKCS#8, SEC1 or PKCS#1). Fails if wolfSSL cannot use the key.
Result<KeyInfo> readPrivateKey(std::span<const uint8_t> der);

/// The PKCS#1 key inside an RSASSA-PSS key (PKCS#8), which wolfSSL does not load directly; empty
/// for any other key.
std::span<const uint8_t> insideOfPssKey(std::span<const uint8_t> der);

}  // namespace culvert
