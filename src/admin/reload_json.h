// SPDX-License-Identifier: GPL-3.0-or-later
// The JSON form of a ReloadReport. Thread: any.
#pragma once

#include <string>

#include "admin/control.h"
#include "admin/json.h"

namespace culvert {

Json reloadDocument(const ReloadReport& report);
inline std::string reloadJson(const ReloadReport& report) {
  return jsonText(reloadDocument(report));
}

}  // namespace culvert
