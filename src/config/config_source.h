// SPDX-License-Identifier: GPL-3.0-or-later
// ConfigSource stores where the configuration comes from: the name of the file, and the environment
// and command line of the process. load() reads all sources, at start and at every reload. Thread:
// start, then control.
#pragma once

#include <string>
#include <utility>

#include "config/config.h"
#include "config/option_table.h"
#include "config/overrides.h"

namespace culvert {

struct LoadOutcome {
  Config config;            ///< complete and valid only if ok() is true
  Diagnostics diagnostics;  ///< errors, warnings and notes, sorted by origin
  bool ok() const { return !diagnostics.hasErrors(); }
};

class ConfigSource {
 public:
  /// If `file` is empty, all values come from the overrides.
  ConfigSource(std::string file, Overrides overrides)
      : file_(std::move(file)), overrides_(std::move(overrides)) {}

  /// Reads the file and the files that it includes, and applies the overrides. The outcome contains
  /// all errors that were found.
  LoadOutcome load(const Validators& validators) const;

  /// Like load(), but uses `text` in place of the file's contents, and includes no files.
  LoadOutcome loadText(std::string_view text, const Validators& validators) const;

  const std::string& file() const { return file_; }

 private:
  enum class Includes : uint8_t { kRead, kIgnore };
  LoadOutcome parse(std::string_view text, Includes includes, const Validators& validators) const;
  LoadOutcome build(RawDocument document, Diagnostics diagnostics, Includes includes,
                    const Validators& validators) const;

  std::string file_;
  Overrides overrides_;
};

}  // namespace culvert
