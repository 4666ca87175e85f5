// SPDX-License-Identifier: GPL-3.0-or-later
// The pid file: holds the process number in one line, and is locked (flock) for as long as the
// process lives, so that a second start with the same file is refused and a file left behind by a
// crash is not. Thread: control.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace culvert {

class PidFile {
 public:
  /// None.
  PidFile() = default;
  PidFile(PidFile&&) noexcept = default;
  PidFile& operator=(PidFile&& other) noexcept;
  /// As remove(), but only in the process that created it (not in a forked child).
  ~PidFile();

  /// Locks and writes the number of the calling process; appears whole or not at all. After
  /// daemonize(), before the privilege drop. Errors name the living process that holds it.
  static Result<PidFile> create(const std::string& path);

  /// Removes the file; where the directory is no longer writable (after the drop) empties it. Then
  /// unlocks.
  void remove();

  bool held() const { return lock_.valid(); }

 private:
  std::string path_;
  UniqueFd lock_;
  int owner_ = 0;  // the process that created it
};

}  // namespace culvert
