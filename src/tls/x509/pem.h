// SPDX-License-Identifier: GPL-3.0-or-later
// Finds the blocks of a PEM file (RFC 7468) and decodes them, with messages for common mistakes.
// Thread: any.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "tls/library/secret_bytes.h"

namespace culvert {

/// A view of one block.
struct PemBlock {
  std::string_view label;    ///< "CERTIFICATE", "EC PRIVATE KEY", ...
  std::string_view body;     ///< base64 with line ends, without RFC 1421 headers
  std::string_view headers;  ///< the RFC 1421 headers
  std::string_view whole;    ///< from BEGIN to END, including both lines
  bool encrypted = false;    ///< has a "Proc-Type: 4,ENCRYPTED" header
};

/// Returns all blocks in order, and ignores other text between the blocks. Fails if a block has no
/// END line. Returns an empty list for a file without blocks.
Result<std::vector<PemBlock>> scanPem(std::string_view text);

/// Decodes the base64 of a block.
Result<SecretBytes> decodePem(const PemBlock& block);

/// True for the labels of private keys, encrypted or not.
bool isKeyLabel(std::string_view label);
/// True for the labels of X.509 certificates.
bool isCertificateLabel(std::string_view label);

}  // namespace culvert
