// SPDX-License-Identifier: GPL-3.0-or-later
// Terminal puts the terminal into raw mode with the alternate screen, draws frames, and restores
// the terminal on every exit, also when a signal ends the process. Thread: main; one at a time.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "ctl/top_model.h"

namespace culvert {

class Terminal {
 public:
  Terminal() = default;
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() { leave(); }

  /// Blocks the signals that signalFd() reports, and enters raw mode.
  Result<void> enter();
  void leave();
  /// Stops the process as Ctrl-Z does, and enters again when it continues.
  void suspend();

  /// Becomes readable when a signal came: SIGWINCH, or one that ends or stops the process.
  int signalFd() const { return signalFd_.get(); }
  /// The next signal that has come, or 0.
  int takeSignal();

  static TopSize size();
  /// Draws the lines over the whole screen; `clear` also removes what others have written.
  void draw(const std::vector<std::string>& lines, bool clear);

 private:
  void enterRaw();

  UniqueFd signalFd_;
  bool entered_ = false;
};

}  // namespace culvert
