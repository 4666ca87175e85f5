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
  std::string_view headers;  ///< those headers
  std::string_view whole;    ///< from BEGIN to END, including both lines
  bool encrypted = false;    ///< has a "Proc-Type: 4,ENCRYPTED" header
};

/// All blocks in order; other text between them is ignored. Fails on a block without its END line.
/// A file without any block gives an empty list.
Result<std::vector<PemBlock>> scanPem(std::string_view text);

/// The bytes of a block.
Result<SecretBytes> decodePem(const PemBlock& block);

/// True for the labels of private keys, encrypted or not.
bool isKeyLabel(std::string_view label);
/// True for the labels of X.509 certificates.
bool isCertificateLabel(std::string_view label);

}  // namespace culvert
