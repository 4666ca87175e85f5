// SPDX-License-Identifier: GPL-3.0-or-later
// The pid file holds the process number in one line. It is locked (flock) for as long as the
// process lives. A second start with the same file is refused, but a file that a crash left behind
// does not block a start. Thread: control.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace culvert {

class PidFile {
 public:
  /// No pid file.
  PidFile() = default;
  PidFile(PidFile&&) noexcept = default;
  PidFile& operator=(PidFile&& other) noexcept;
  /// As remove(), but only in the process that created the file, not in a forked child.
  ~PidFile();

  /// Locks the file and writes the number of the calling process. The file appears complete or not
  /// at all. Call after daemonize() and before the privilege drop. An error names the live process
  /// that holds the file.
  static Result<PidFile> create(const std::string& path);

  /// Removes the file, or empties it if the directory is no longer writable (after the privilege
  /// drop). Then unlocks it.
  void remove();

  bool held() const { return lock_.valid(); }

 private:
  std::string path_;
  UniqueFd lock_;
  int owner_ = 0;  // the process that created it
};

}  // namespace culvert
