// SPDX-License-Identifier: GPL-3.0-or-later
// Turns the backend-... options of a service into a BackendTls: the trust in the backends, and the
// certificate that culvert shows to them. Services that trust the same files share the trust, because
// the system's bundle has more than a hundred CAs. Thread: control.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file_stamp.h"
#include "config/config.h"
#include "tls/endpoint/backend_tls.h"

namespace culvert {

class BackendBuilder {
 public:
  explicit BackendBuilder(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  /// Builds the BackendTls of a service. Returns `before` if nothing has changed, and nullptr if
  /// backend-tls is off or after an error. Errors and warnings go to the diagnostics with the place
  /// of the option.
  std::shared_ptr<const BackendTls> build(const ServiceOptions& options,
                                          const std::shared_ptr<const BackendTls>& before);

 private:
  std::shared_ptr<const TlsSettings> settings(const ServiceOptions& options,
                                              const BackendTls* before);
  std::shared_ptr<const PeerAuth> trust(const ServiceOptions& options, const BackendTls* before);
  std::shared_ptr<const Credentials> ownCertificate(const ServiceOptions& options,
                                                    const BackendTls* before);
  void error(const ServiceOptions& options, std::string_view key, std::string text);

  Diagnostics& diagnostics_;
  std::map<std::string, std::shared_ptr<const PeerAuth>> trusts_;  // by their files and rules
};

/// Returns the CA files of a service: those of backend-ca, with directories listed and `system`
/// replaced, or the system's bundle. Fails if there is no such bundle.
Result<std::vector<std::string>> backendCaFiles(const ServiceOptions& options);

/// Returns what stat() reports now for the files of backend-ca, backend-crl, backend-cert and
/// backend-key.
std::vector<FileStamp> backendFileStamps(const ServiceOptions& options);

/// Returns the paths to watch for a service.
std::vector<std::string> backendPaths(const ServiceOptions& options);

}  // namespace culvert
