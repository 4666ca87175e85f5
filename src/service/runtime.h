// SPDX-License-Identifier: GPL-3.0-or-later
// Runtime contains the services in force, in the order of the configuration, and the files that
// each service was built from. Thread: control (the services themselves: any).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/file_stamp.h"
#include "service/certificate_unit.h"
#include "service/service.h"

namespace culvert {

struct RuntimeService {
  std::shared_ptr<const Service> service;
  CertificateUnits certificates;          ///< the certificates from which the service's credentials
                                          ///< were made
  std::vector<FileStamp> clientFiles;     ///< stamps of the client-ca and crl files when they were
                                          ///< read
  std::vector<FileStamp> backendFiles{};  ///< the same for the files of the backend-... options

  const std::string& name() const { return service->profile->name; }
};

struct Runtime {
  std::vector<RuntimeService> services;

  /// Returns nullptr if the name is unknown.
  const RuntimeService* find(std::string_view name) const;
};

/// Finds services by name, for code that looks for many. Valid as long as the Runtime is unchanged.
class RuntimeIndex {
 public:
  explicit RuntimeIndex(const Runtime& runtime);
  /// Returns nullptr if the name is unknown.
  const RuntimeService* find(std::string_view name) const;

 private:
  std::unordered_map<std::string_view, const RuntimeService*> byName_;
};

/// The services of `now` whose client CAs, CRLs or allow rules differ from those in `before`.
std::vector<std::shared_ptr<const Service>> changedTrust(const Runtime& before, const Runtime& now);

}  // namespace culvert
