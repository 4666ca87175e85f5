// SPDX-License-Identifier: GPL-3.0-or-later
// See version.h. The Makefile passes versions and build data to this file only.
#include "main/version.h"

#include <fmt/format.h>

#include "event/event_loop.h"
#include "tls/library/tls_library.h"
#include "tls/session/session_export.h"

namespace culvert {

std::string versionText() {
  const std::string revision = CULVERT_REVISION;
  return revision.empty() ? CULVERT_VERSION : fmt::format("{} ({})", CULVERT_VERSION, revision);
}

std::string versionReport() {
  std::string features;
  for (const std::string& feature : tlsFeatures()) features += " " + feature;
  const std::string report = fmt::format(
      "culvert {}\nwolfSSL: {} ({})\ncpu: {}\nrecords: {}\nlibevent: {}\nfeatures:{}\n"
      "build: {}\n",
      versionText(), tlsLibraryVersion(), CULVERT_WOLFSSL_ORIGIN, tlsCpuText(), recordsText(),
      eventLibraryVersion(), features, CULVERT_BUILD_MODE);
  const std::string defect = initTlsLibrary() ? tlsLibraryDefect() : std::string();
  return defect.empty() ? report : fmt::format("{}defect: {}\n", report, defect);
}

}  // namespace culvert
