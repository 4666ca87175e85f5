// SPDX-License-Identifier: GPL-3.0-or-later
// The pid file holds the process number in one line. culvert locks the file (flock) until the
// process exits. So a second start with the same file fails, and a file that a crash left behind
// does not block a start. Thread: control.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace culvert {

class PidFile {
 public:
  /// For a process without a pid file.
  PidFile() = default;
  PidFile(PidFile&&) noexcept = default;
  PidFile& operator=(PidFile&& other) noexcept;
  /// Calls remove(), but only in the process that created the file and not in a forked child.
  ~PidFile();

  /// Creates and locks the file and writes the number of the calling process. Readers never see an
  /// incomplete file. Call after daemonize() and before the privilege drop. If another process
  /// holds the file, the error names that process.
  static Result<PidFile> create(const std::string& path);

  /// Removes the file, or empties it if the directory is no longer writable (after the privilege
  /// drop). Then unlocks the file.
  void remove();

  bool held() const { return lock_.valid(); }

 private:
  std::string path_;
  UniqueFd lock_;
  int owner_ = 0;  // the process that created the file
};

}  // namespace culvert
