// SPDX-License-Identifier: GPL-3.0-or-later
// `--daemon`: the process detaches (two forks and setsid). The command that was typed waits until
// the daemon is ready or has failed, shows its messages and exits with its exit code. Thread: start
// (before any thread exists).
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace culvert {

/// The daemon's side of the wait. If the daemon dies before ready() or failed(), the waiting
/// command exits with code 1.
class DaemonStart {
 public:
  /// A run in the foreground: both calls below do nothing.
  DaemonStart() = default;

  /// The start is complete. Standard input, output and error become /dev/null, and the waiting
  /// command exits with 0.
  void ready();

  /// The start failed: the waiting command exits with `exitCode` (3, 4, 5, ..). The messages are
  /// already on standard error, which is still the terminal's. The caller exits itself.
  void failed(int exitCode);

  bool detached() const { return status_.valid(); }

 private:
  friend Result<DaemonStart> daemonize();
  UniqueFd status_;
};

/// Returns in the daemon only: the first process waits and exits. Working directory and umask stay,
/// so that relative paths of the configuration mean the same at a reload. An error is returned in
/// the first process, when nothing has been forked.
Result<DaemonStart> daemonize();

}  // namespace culvert
