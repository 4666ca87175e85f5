// SPDX-License-Identifier: GPL-3.0-or-later
// The words that tell a supervisor or a test that culvert accepts connections: one `listening` line
// a listener, then `ready`; and their way to the descriptor of --ready-fd. Thread: start.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace culvert {

struct BoundListener {
  std::string service;
  std::string address;  ///< listenerText() of the bound socket: the port the system chose is in it

  bool operator==(const BoundListener&) const = default;
};

/// `listening service=NAME address=ADDR:PORT`, without a line end. The log uses the same words.
std::string listeningLine(const BoundListener& listener);

/// All lines and the last one, `ready`, each with a line end.
std::string readyText(const std::vector<BoundListener>& listeners);

/// That `fd` is an open descriptor that can be written; makes it close-on-exec. For the check of
/// the command line.
Result<void> checkReadyFd(int fd);

/// Writes all of `text` and closes `fd` (but not 1 and 2). A reader that is gone (EPIPE; the
/// process ignores SIGPIPE) or that takes nothing for `limit` is an error; culvert logs it and goes
/// on.
Result<void> writeReadyFd(int fd, std::string_view text, Millis limit = Millis(5000));

}  // namespace culvert
