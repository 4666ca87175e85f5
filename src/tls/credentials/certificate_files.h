// SPDX-License-Identifier: GPL-3.0-or-later
// The files of a certificate and its key, and a function that finds such files in a directory. The
// function uses only the names of the files and does not open the files. Thread: any.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace culvert {

struct CertificateFiles {
  std::string cert;
  std::string key;         ///< empty if `cert` contains the key too
  std::string passphrase;  ///< the file with the key's passphrase; empty if there is none

  bool operator==(const CertificateFiles&) const = default;
  /// Returns a text that identifies the three paths.
  std::string id() const { return cert + '\n' + key + '\n' + passphrase; }
};

/// Returns the certificates in a directory, sorted by name: NAME.pem, NAME.crt or NAME.cer, with
/// the key in NAME.key or in the same file. Also finds tls.crt with tls.key (Kubernetes) and
/// fullchain.pem with privkey.pem (certbot) in subdirectories. If `directory` itself has such a
/// pair, returns only that pair. Skips names that begin with a dot. Fails if `directory` is not a
/// directory or is not readable.
Result<std::vector<CertificateFiles>> listCertificates(const std::string& directory,
                                                       const std::string& passphrase);

/// Returns whether the path is a directory or a symbolic link to a directory.
bool isDirectory(const std::string& path);

}  // namespace culvert
