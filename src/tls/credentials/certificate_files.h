// SPDX-License-Identifier: GPL-3.0-or-later
// The files of a certificate and its key, and how to find such pairs of files in a directory. Uses
// the names of the files only and does not open them. Thread: any.
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
  /// A text that identifies the three paths.
  std::string id() const { return cert + '\n' + key + '\n' + passphrase; }
};

/// The certificates of a directory, sorted by name. The function finds NAME.pem, NAME.crt and
/// NAME.cer, with the key in NAME.key or in the same file. In subdirectories it finds tls.crt with
/// tls.key (Kubernetes), and fullchain.pem with privkey.pem (certbot). It ignores the other .pem
/// files beside fullchain.pem, because they are parts of the same certificate. It skips names that
/// begin with a dot. Errors: `directory` is not a directory or is not readable.
Result<std::vector<CertificateFiles>> listCertificates(const std::string& directory,
                                                       const std::string& passphrase);

/// Whether the path is a directory or a symbolic link to a directory.
bool isDirectory(const std::string& path);

}  // namespace culvert
