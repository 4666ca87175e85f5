// SPDX-License-Identifier: GPL-3.0-or-later
// ConfigSource is where the configuration comes from: a file name, and the environment and command
// line at the start. load() reads everything, at the start and again at every reload. Thread:
// start, then control.
#pragma once

#include <string>
#include <utility>

#include "config/config.h"
#include "config/option_table.h"
#include "config/overrides.h"

namespace culvert {

struct LoadOutcome {
  Config config;            ///< complete and valid only if ok()
  Diagnostics diagnostics;  ///< sorted
  bool ok() const { return !diagnostics.hasErrors(); }
};

class ConfigSource {
 public:
  /// `file` may be empty: then everything comes from the overrides.
  ConfigSource(std::string file, Overrides overrides)
      : file_(std::move(file)), overrides_(std::move(overrides)) {}

  /// Reads the file again and applies the same overrides. All errors are in the outcome.
  LoadOutcome load(const Validators& validators) const;

  /// The same with `text` in place of the file's contents.
  LoadOutcome loadText(std::string_view text, const Validators& validators) const;

  const std::string& file() const { return file_; }

 private:
  LoadOutcome build(RawDocument document, Diagnostics diagnostics,
                    const Validators& validators) const;

  std::string file_;
  Overrides overrides_;
};

}  // namespace culvert
