// SPDX-License-Identifier: GPL-3.0-or-later
// One certificate of a service, with the files that it was read from. It says which version is
// served and, if the files hold a version that is not served, why not. Thread: frozen.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/file_stamp.h"
#include "tls/credentials/credentials.h"

namespace culvert {

/// One certificate as last read. Frozen.
struct CertificateUnit {
  CertificateFiles files;
  std::array<FileStamp, 3> stamps{};               // of the files as last tried
  std::shared_ptr<const Credentials> credentials;  ///< what is served; null if nothing is
  std::shared_ptr<const Credentials> candidate;    ///< what the files hold, if culvert does not
                                                   ///< serve it
  std::string refusal;       ///< why the candidate is not served; empty if it is
  int64_t refusedSince = 0;  ///< wall clock, ns
  int64_t goneSince = 0;     ///< wall clock, ns: since when its directory lacks the certificate
  bool told = false;         ///< the refusal was logged
  bool fromDirectory = false;
  bool settled = false;  ///< the stamps are older than the clock's grain: equal stamps then mean an
                         ///< unchanged file
};
using CertificateUnits = std::vector<std::shared_ptr<const CertificateUnit>>;

}  // namespace culvert
