// SPDX-License-Identifier: GPL-3.0-or-later
// One certificate of a service with the files that it was read from: what is served, and why what
// the files hold now is not. Thread: frozen.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/file_stamp.h"
#include "tls/credentials/credentials.h"

namespace culvert {

/// One certificate as it was read last. Frozen.
struct CertificateUnit {
  CertificateFiles files;
  std::array<FileStamp, 3> stamps{};               // of what was tried last
  std::shared_ptr<const Credentials> credentials;  ///< what is served; null: nothing
  std::shared_ptr<const Credentials> candidate;    ///< what the files hold and is not served
  std::string refusal;       ///< why what the files hold is not served; empty: it is
  int64_t refusedSince = 0;  ///< wall clock, ns
  int64_t goneSince = 0;     ///< wall clock, ns: since when its directory lacks it
  bool told = false;         ///< the refusal was logged
  bool fromDirectory = false;
  bool settled = false;  ///< the stamps are older than the clock's grain: equal ones mean unchanged
};
using CertificateUnits = std::vector<std::shared_ptr<const CertificateUnit>>;

}  // namespace culvert
