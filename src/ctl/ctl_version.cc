// SPDX-License-Identifier: GPL-3.0-or-later
// The version of culvertctl. Only this object depends on the version.
#include "ctl/command_table.h"

namespace culvert {

std::string ctlVersion() {
  std::string out = "culvertctl " CULVERT_VERSION;
  const std::string revision = CULVERT_REVISION;
  return revision.empty() ? out : out + " (" + revision + ")";
}

}  // namespace culvert
