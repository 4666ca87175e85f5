// SPDX-License-Identifier: GPL-3.0-or-later
// Decrypts private keys: PKCS#8 with PBES2 (PBKDF2, scrypt), PBES1 or the schemes of PKCS#12, and
// OpenSSL's traditional format ("Proc-Type: 4,ENCRYPTED"). The scheme is not encrypted, so culvert
// can report an unknown scheme and a wrong passphrase as different errors. Thread: any.
#pragma once

#include <string_view>

#include "base/result.h"
#include "tls/library/secret_bytes.h"
#include "tls/x509/pem.h"

namespace culvert {

/// Whether the block is an encrypted private key.
bool isEncryptedKey(const PemBlock& block);

/// Fails if culvert does not support the scheme of the encrypted key in `block`. Does not need the
/// passphrase. The error names the scheme.
Result<void> checkKeyEncryption(const PemBlock& block);

/// Returns the decrypted key in DER. The passphrase may be of any length.
Result<SecretBytes> decryptKey(const PemBlock& block, std::string_view passphrase);

}  // namespace culvert
