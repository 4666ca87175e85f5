// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the text that reports to a supervisor or a test that culvert accepts connections: one
// `listening` line per listener, then `ready`. Writes the text to the descriptor of --ready-fd.
// Thread: start.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace culvert {

struct BoundListener {
  std::string service;
  std::string address;  ///< listenerText() of the bound socket, with the port that the system chose

  bool operator==(const BoundListener&) const = default;
};

/// `listening service=NAME address=ADDR:PORT`, without a line end. The log has the same text.
std::string listeningLine(const BoundListener& listener);

/// All `listening` lines, then `ready`, each with a line end.
std::string readyText(const std::vector<BoundListener>& listeners);

/// Checks that `fd` of the command line is open and writable, and makes it close-on-exec.
Result<void> checkReadyFd(int fd);

/// Writes all of `text` and closes `fd`, unless `fd` is 1 or 2. Returns an error if the reader has
/// closed its end (EPIPE; the process ignores SIGPIPE) or reads nothing for `limit`. The caller
/// logs the error and continues.
Result<void> writeReadyFd(int fd, std::string_view text, Millis limit = Millis(5000));

}  // namespace culvert
