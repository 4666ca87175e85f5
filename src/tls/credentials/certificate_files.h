// SPDX-License-Identifier: GPL-3.0-or-later
// Which files make up a certificate, and how to find the pairs in a directory. Looks at names only
// and opens no file. Thread: any.
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
  /// One text that identifies the three paths.
  std::string id() const { return cert + '\n' + key + '\n' + passphrase; }
};

/// The certificates of a directory, sorted by name. The function finds NAME.pem, NAME.crt and
/// NAME.cer, with NAME.key beside them or the key inside. One level down it finds tls.crt with
/// tls.key (Kubernetes), and fullchain.pem with privkey.pem (certbot; the other .pem files of that
/// directory are parts of the same certificate). It skips names that begin with a dot. Errors: not
/// a directory, not readable.
Result<std::vector<CertificateFiles>> listCertificates(const std::string& directory,
                                                       const std::string& passphrase);

/// Whether the path is a directory (or a link to one).
bool isDirectory(const std::string& path);

}  // namespace culvert
