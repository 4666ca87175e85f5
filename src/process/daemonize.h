// SPDX-License-Identifier: GPL-3.0-or-later
// `--daemon`: the process detaches (two forks and setsid). The command that the user started waits
// until the daemon is ready or has failed. It shows the daemon's messages and exits with the
// daemon's exit code. Thread: start (before any thread exists).
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace culvert {

/// The daemon reports the result of its start to the waiting command through this object. If the
/// daemon dies before ready() or failed(), the waiting command exits with code 1.
class DaemonStart {
 public:
  /// For a run in the foreground: ready() and failed() do nothing.
  DaemonStart() = default;

  /// Call when the start is complete. Standard input, output and error become /dev/null, and the
  /// waiting command exits with 0.
  void ready();

  /// Call when the start failed. The waiting command exits with `exitCode` (3, 4, 5, ..). Before
  /// this call, the daemon must write its messages to standard error. After this call, the caller
  /// has to exit.
  void failed(int exitCode);

  bool detached() const { return status_.valid(); }

 private:
  friend Result<DaemonStart> daemonize();
  UniqueFd status_;
};

/// Returns only in the daemon; the first process waits and exits. The working directory and the
/// umask do not change, so that relative paths in the configuration name the same files at a
/// reload. If socketpair() or the first fork() fails, returns the error.
Result<DaemonStart> daemonize();

}  // namespace culvert
