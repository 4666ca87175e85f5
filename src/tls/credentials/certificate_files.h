// SPDX-License-Identifier: GPL-3.0-or-later
// Which files make up a certificate, and how the pairs of a directory are found: by name alone,
// nothing is opened. Thread: any.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace culvert {

struct CertificateFiles {
  std::string cert;
  std::string key;         ///< empty: `cert` holds the key too
  std::string passphrase;  ///< file with the key's passphrase; empty: none

  bool operator==(const CertificateFiles&) const = default;
  /// One text for all three.
  std::string id() const { return cert + '\n' + key + '\n' + passphrase; }
};

/// The certificates of a directory, sorted by name. Taken are: NAME.pem, NAME.crt and NAME.cer,
/// with NAME.key beside them or the key inside; and one level down, tls.crt with tls.key
/// (Kubernetes) and fullchain.pem with privkey.pem (certbot; there the other .pem files of that
/// directory are parts of the same). Names that begin with a dot are passed over. Errors: no
/// directory, not readable.
Result<std::vector<CertificateFiles>> listCertificates(const std::string& directory,
                                                       const std::string& passphrase);

/// Whether the path leads to a directory.
bool isDirectory(const std::string& path);

}  // namespace culvert
