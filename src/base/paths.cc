// SPDX-License-Identifier: GPL-3.0-or-later
// See paths.h.
#include "base/paths.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace culvert {

int cannotCreate(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  return ::faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

std::string quoteNote(std::string_view path) {
  if (path.size() < 2 || (path.front() != '"' && path.front() != '\'') ||
      path.back() != path.front())
    return {};
  return " (the quotes are part of the path: write it without them)";
}

}  // namespace culvert
