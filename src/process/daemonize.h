// SPDX-License-Identifier: GPL-3.0-or-later
// `--daemon`: the process detaches (two forks and setsid), and the command that was typed waits
// until the daemon is ready or has failed, shows its messages and ends with its exit code. Thread:
// start (before any thread exists).
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace culvert {

/// The daemon's end of the wait. Without ready() or failed() the waiting command ends with code 1
/// when the daemon dies.
class DaemonStart {
 public:
  /// Nothing to report to: a run in the foreground. Both calls below do nothing.
  DaemonStart() = default;

  /// Everything is up: standard input, output and error become /dev/null, the waiting command ends
  /// with 0.
  void ready();

  /// The start failed; the waiting command ends with `exitCode` (3, 4, 5, ..). Messages have been
  /// written to standard error, which is the terminal's still. The caller exits itself.
  void failed(int exitCode);

  bool detached() const { return status_.valid(); }

 private:
  friend Result<DaemonStart> daemonize();
  UniqueFd status_;
};

/// Returns in the daemon only. The first process never returns from here: it waits and exits.
/// Working directory and umask stay (relative paths of the configuration go on meaning the same at
/// a reload). The error is the caller's, in the first process, when nothing has been forked.
Result<DaemonStart> daemonize();

}  // namespace culvert
