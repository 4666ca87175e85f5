// SPDX-License-Identifier: GPL-3.0-or-later
// Verifies data signed by a CA or an OCSP responder. The data consists of a body, an algorithm and
// a signature. Certificates (RFC 5280 4.1.1), CRLs (5.1.1) and OCSP responses (RFC 6960 4.2.1) have
// this form. culvert verifies such data itself where wolfSSL does not: wolfSSL verifies no expired
// CRL, and wolfSSL 5.9.2 does not verify the certificate of an OCSP responder. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "tls/x509/der_reader.h"

namespace culvert {

struct SignedData {
  std::span<const uint8_t> body;       ///< the signed bytes, with tag and length
  std::span<const uint8_t> algorithm;  ///< AlgorithmIdentifier, without tag and length
  std::span<const uint8_t> signature;  ///< the bits of the signature, in whole bytes
};

enum class SignatureVerdict : uint8_t {
  kSound,
  kFalse,    ///< the signature was not made by this key
  kWeak,     ///< the signature uses MD5 or SHA-1 and was not verified
  kUnknown,  ///< the signature algorithm is not supported
};

/// Reads the three parts from the front of `reader`. Returns nothing if they are malformed.
std::optional<SignedData> readSignedData(DerReader& reader);

/// Returns whether the key in `publicKey`, a SubjectPublicKeyInfo, made the signature. Supports RSA
/// (PKCS #1 and PSS), ECDSA and Ed25519, with SHA-256 to SHA-512.
SignatureVerdict verifySignature(const SignedData& data, std::span<const uint8_t> publicKey);

/// Returns the SubjectPublicKeyInfo of a certificate. Empty if the certificate is malformed.
std::span<const uint8_t> publicKeyOf(std::span<const uint8_t> certificate);

}  // namespace culvert
