// SPDX-License-Identifier: GPL-3.0-or-later
// A CertificateUnit is one certificate of a service, with the files that it was read from. If the
// files contain a version that is not served, the unit says why. Thread: frozen.
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
  std::array<FileStamp, 3> stamps{};               // stamps of the files at the last attempt to
                                                   // read them
  std::shared_ptr<const Credentials> credentials;  ///< the served version; null if no version is
                                                   ///< served
  std::shared_ptr<const Credentials> candidate;    ///< the version in the files, if it is not
                                                   ///< served
  std::string refusal;       ///< why the candidate is not served; empty if there is no refusal
  int64_t refusedSince = 0;  ///< wall clock, ns: since when the candidate is refused
  int64_t goneSince = 0;     ///< wall clock, ns: since when the certificate is missing in its
                             ///< directory
  bool told = false;         ///< the refusal was logged
  bool fromDirectory = false;
  bool settled = false;  ///< the stamps are older than the clock's granularity, so equal stamps
                         ///< mean unchanged files
};
using CertificateUnits = std::vector<std::shared_ptr<const CertificateUnit>>;

}  // namespace culvert
