// SPDX-License-Identifier: GPL-3.0-or-later
// ConfigSource is where the configuration comes from: a file's name, the environment and the
// command line as they were at the start. load() reads it all, at the start and again at every
// reload. Thread: start, then control.
#pragma once

#include <string>
#include <utility>

#include "config/config.h"
#include "config/option_table.h"
#include "config/overrides.h"

namespace culvert {

struct LoadOutcome {
  Config config;            ///< complete and sound only if ok()
  Diagnostics diagnostics;  ///< sorted
  bool ok() const { return !diagnostics.hasErrors(); }
};

class ConfigSource {
 public:
  /// `file` may be empty: everything comes from the overrides then.
  ConfigSource(std::string file, Overrides overrides)
      : file_(std::move(file)), overrides_(std::move(overrides)) {}

  /// Reads the file anew and lays the same overrides over it. All errors are in the outcome.
  LoadOutcome load(const Validators& validators) const;

  /// The same for a text instead of the file's contents.
  LoadOutcome loadText(std::string_view text, const Validators& validators) const;

  const std::string& file() const { return file_; }

 private:
  LoadOutcome build(RawDocument document, Diagnostics diagnostics,
                    const Validators& validators) const;

  std::string file_;
  Overrides overrides_;
};

}  // namespace culvert
