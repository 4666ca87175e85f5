// SPDX-License-Identifier: GPL-3.0-or-later
// Compares the configuration before and after a reload. Thread: control.
#pragma once

#include <string>
#include <vector>

#include "admin/control.h"
#include "config/config.h"
#include "process/ready_report.h"
#include "service/runtime.h"

namespace culvert {

/// Adds the services and the keys of [global] that differ.
void compareConfigs(const Config& before, const Config& after, ReloadReport& report);
/// Adds the certificates that were loaded, and those that are refused.
void compareCertificates(const Runtime& before, const Runtime& after, ReloadReport& report);
void compareListeners(const std::vector<BoundListener>& before,
                      const std::vector<BoundListener>& after, ReloadReport& report);
void addRemarks(const Diagnostics& diagnostics, ReloadReport& report);

/// A hash of the values of all options, as text. Two processes with equal configurations have the
/// same, whatever their files are called.
std::string fingerprintOf(const Config& config);

}  // namespace culvert
