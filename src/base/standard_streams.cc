// SPDX-License-Identifier: GPL-3.0-or-later
// See standard_streams.h.
#include "base/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "base/result.h"

namespace culvert {

void reserveStandardStreams() {
  std::signal(SIGPIPE, SIG_IGN);
  // open() returns the lowest free descriptor. So a result above 2 shows that 0, 1 and 2 are open.
  int fd;
  do {
    fd = ::open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) ::close(fd);
}

bool printOut(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return true;
  printLine(stderr, "culvert: cannot write to standard output: " + errnoText(errno));
  return false;
}

void printLine(std::FILE* stream, std::string_view line) {
  const std::string text = std::string(line) + "\n";
  std::fwrite(text.data(), 1, text.size(), stream);
}

}  // namespace culvert
