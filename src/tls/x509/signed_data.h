// SPDX-License-Identifier: GPL-3.0-or-later
// Data signed by a CA or an OCSP responder: a body, an algorithm and a signature. Certificates (RFC
// 5280 4.1.1), CRLs (5.1.1) and OCSP responses (RFC 6960 4.2.1) have this form. wolfSSL does not
// verify the signature of an expired CRL, and wolfSSL 5.9.2 does not verify the certificate of an
// OCSP responder. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "tls/x509/der_reader.h"

namespace culvert {

struct SignedData {
  std::span<const uint8_t> body;       ///< the signed bytes, with tag and length
  std::span<const uint8_t> algorithm;  ///< AlgorithmIdentifier, without tag and length
  std::span<const uint8_t> signature;  ///< the bits; their number is a multiple of eight
};

enum class SignatureVerdict : uint8_t {
  kSound,
  kFalse,    ///< this key did not make the signature
  kWeak,     ///< the hash is MD5 or SHA-1; the signature was not verified
  kUnknown,  ///< the algorithm is not supported
};

/// Reads the body, the algorithm and the signature from the front of `reader`. Nothing if they are
/// malformed.
std::optional<SignedData> readSignedData(DerReader& reader);

/// Verifies the signature with the key in this SubjectPublicKeyInfo. Supports RSA (PKCS #1 and
/// PSS), ECDSA and Ed25519, with SHA-256 to SHA-512.
SignatureVerdict verifySignature(const SignedData& data, std::span<const uint8_t> publicKey);

/// The SubjectPublicKeyInfo of a certificate; empty if the certificate is malformed.
std::span<const uint8_t> publicKeyOf(std::span<const uint8_t> certificate);

}  // namespace culvert
