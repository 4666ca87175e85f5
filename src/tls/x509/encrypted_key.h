// SPDX-License-Identifier: GPL-3.0-or-later
// Opens encrypted private keys: PKCS#8 with PBES2 (PBKDF2, scrypt), PBES1 or the schemes of PKCS#12, and
// OpenSSL's own older form ("Proc-Type: 4,ENCRYPTED"). How a key is encrypted can be read without its
// passphrase, so a scheme that is not known here and a wrong passphrase have different messages.
// Thread: any.
#pragma once

#include <string_view>

#include "base/result.h"
#include "tls/library/secret_bytes.h"
#include "tls/x509/pem.h"

namespace culvert {

/// True for a block whose contents are encrypted.
bool isEncryptedKey(const PemBlock& block);

/// Nothing, or an error that names the scheme of an encrypted key which cannot be opened whatever
/// the passphrase is.
Result<void> checkKeyEncryption(const PemBlock& block);

/// The DER of an encrypted key. The passphrase may be of any length.
Result<SecretBytes> decryptKey(const PemBlock& block, std::string_view passphrase);

}  // namespace culvert
