// SPDX-License-Identifier: GPL-3.0-or-later
// main() of the static program (MODE=static). One file is culvert, and culvertctl if it is called
// by that name. So both programs share the libraries that are linked into the file.
#include <nss.h>

#include <string_view>

#include "base/standard_streams.h"
#include "ctl/run_culvertctl.h"
#include "main/run_culvert.h"

namespace {

/// glibc looks up names with shared objects that /etc/nsswitch.conf names. They belong to the glibc
/// of the machine, which may be another one than this program's, or none. Files and DNS are built
/// into this program.
void lookUpWithoutSharedObjects() {
  for (const char* database : {"hosts", "services", "protocols", "networks"})
    __nss_configure_lookup(database, database == std::string_view("hosts") ? "files dns" : "files");
  for (const char* database : {"passwd", "group", "initgroups"})
    __nss_configure_lookup(database, "files");
}

bool isCtl(std::string_view program) {
  return program.substr(program.rfind('/') + 1) == "culvertctl";
}

}  // namespace

int main(int argc, char** argv) {
  culvert::reserveStandardStreams();
  lookUpWithoutSharedObjects();
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  return argc > 0 && isCtl(argv[0]) ? culvert::runCulvertctl(arguments)
                                    : culvert::runCulvert(arguments);
}
