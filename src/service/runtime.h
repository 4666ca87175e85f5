// SPDX-License-Identifier: GPL-3.0-or-later
// The configuration in force: each service as the data path sees it, and the files that it was
// built from, in the order of the configuration. Thread: control (the services themselves: any).
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/file_stamp.h"
#include "service/certificate_unit.h"
#include "service/service.h"

namespace culvert {

struct RuntimeService {
  std::shared_ptr<const Service> service;
  CertificateUnits certificates;       ///< where its credentials come from
  std::vector<FileStamp> clientFiles;  ///< client-ca and crl as they were read

  const std::string& name() const { return service->profile->name; }
};

struct Runtime {
  std::vector<RuntimeService> services;

  /// Returns nullptr if the name is unknown.
  const RuntimeService* find(std::string_view name) const;
};

/// Services whose client CAs, CRLs or allow rules differ from those before.
std::vector<std::shared_ptr<const Service>> changedTrust(const Runtime& before, const Runtime& now);

}  // namespace culvert
