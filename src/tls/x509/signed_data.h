// SPDX-License-Identifier: GPL-3.0-or-later
// What a CA or an OCSP responder has signed: a body, the algorithm and the signature stand side by
// side in a certificate (RFC 5280 4.1.1), a revocation list (5.1.1) and an OCSP response (RFC 6960
// 4.2.1). wolfSSL does not verify every one of them: not a list that has expired, and in 5.9.2 not
// the certificate of an OCSP responder. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "tls/x509/der_reader.h"

namespace culvert {

struct SignedData {
  std::span<const uint8_t> body;       ///< with tag and length: what is signed
  std::span<const uint8_t> algorithm;  ///< AlgorithmIdentifier, without tag and length
  std::span<const uint8_t> signature;  ///< the bits, a multiple of eight
};

enum class SignatureVerdict : uint8_t {
  kSound,
  kFalse,    ///< this key did not make it
  kWeak,     ///< MD5 or SHA-1, not verified
  kUnknown,  ///< an algorithm that is not known here
};

/// Takes the three items from the front of `reader`; nothing where they are malformed.
std::optional<SignedData> readSignedData(DerReader& reader);

/// Whether the key of this SubjectPublicKeyInfo made the signature. RSA (PKCS #1 and PSS), ECDSA
/// and Ed25519 are known, with SHA-256 to SHA-512.
SignatureVerdict verifySignature(const SignedData& data, std::span<const uint8_t> publicKey);

/// The SubjectPublicKeyInfo of a certificate; empty where that is malformed.
std::span<const uint8_t> publicKeyOf(std::span<const uint8_t> certificate);

}  // namespace culvert
