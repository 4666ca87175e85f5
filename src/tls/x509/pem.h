// SPDX-License-Identifier: GPL-3.0-or-later
// Finds the blocks of a PEM file (RFC 7468) and decodes them. Error texts name common mistakes.
// Thread: any.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "tls/library/secret_bytes.h"

namespace culvert {

/// A view of one PEM block.
struct PemBlock {
  std::string_view label;    ///< for example "CERTIFICATE" or "EC PRIVATE KEY"
  std::string_view body;     ///< base64 with line ends, without RFC 1421 headers
  std::string_view headers;  ///< the RFC 1421 headers
  std::string_view whole;    ///< from the BEGIN line to the END line, both included
  bool encrypted = false;    ///< has a "Proc-Type: 4,ENCRYPTED" header
};

/// Returns all blocks of `text` in order, and ignores text between blocks. Fails if a block has no
/// END line. If `text` has no block, returns an empty list.
Result<std::vector<PemBlock>> scanPem(std::string_view text);

/// Decodes the base64 of a block and returns the bytes.
Result<SecretBytes> decodePem(const PemBlock& block);

/// True for the labels of private keys, both encrypted and not encrypted.
bool isKeyLabel(std::string_view label);
/// True for the labels of X.509 certificates.
bool isCertificateLabel(std::string_view label);

}  // namespace culvert
