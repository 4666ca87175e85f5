// SPDX-License-Identifier: GPL-3.0-or-later
// Decrypts private keys. Supports PKCS#8 with PBES2 (PBKDF2, scrypt), PBES1 or the schemes of
// PKCS#12, and OpenSSL's traditional format ("Proc-Type: 4,ENCRYPTED"). The scheme can be read
// without the passphrase, so an unknown scheme and a wrong passphrase have different error texts.
// Thread: any.
#pragma once

#include <string_view>

#include "base/result.h"
#include "tls/library/secret_bytes.h"
#include "tls/x509/pem.h"

namespace culvert {

/// Returns whether the contents of the block are encrypted.
bool isEncryptedKey(const PemBlock& block);

/// Fails if culvert does not support the encryption scheme of the key. Needs no passphrase. The
/// error names the scheme.
Result<void> checkKeyEncryption(const PemBlock& block);

/// Decrypts a key and returns it as DER. The passphrase may have any length.
Result<SecretBytes> decryptKey(const PemBlock& block, std::string_view passphrase);

}  // namespace culvert
