// SPDX-License-Identifier: GPL-3.0-or-later
// Loads a configuration from a text and overrides, and gives what it says as lines: shared by the
// tests of this module.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "config/config_source.h"
#include "config/option_table.h"

namespace culvert::testing_config {

/// Stand-ins for the checks of net and tls: an address ends in digits or names a path, a cipher is
/// in capitals.
inline Result<void> testAddress(std::string_view text) {
  if (text.starts_with("unix:/") || (text.back() >= '0' && text.back() <= '9')) return {};
  return fail("no address");
}
inline Result<void> testName(std::string_view text) {
  return text.find("BAD") == std::string_view::npos ? Result<void>{} : fail("unknown name");
}
inline Validators testValidators() {
  Validators validators;
  validators.listenAddress = validators.backendAddress = &testAddress;
  validators.cipher = validators.ciphersuite = validators.group = &testName;
  return validators;
}

inline bool sameSet(OptionScope scope, const OptionSet& a, const OptionSet& b) {
  return std::ranges::all_of(allOptions(), [&](const OptionInfo& info) {
    return info.scope != scope || info.equal(a, b);
  });
}
/// Equal values option by option; origins do not count.
inline bool sameOptions(const GlobalOptions& a, const GlobalOptions& b) {
  return sameSet(OptionScope::kGlobal, a, b);
}
inline bool sameOptions(const ServiceOptions& a, const ServiceOptions& b) {
  return a.name == b.name && a.selfSigned == b.selfSigned && sameSet(OptionScope::kService, a, b);
}

inline LoadOutcome load(std::string_view text, Overrides overrides = {}) {
  return ConfigSource("f.ini", std::move(overrides)).loadText(text, testValidators());
}

inline LoadOutcome loadWithoutFile(Overrides overrides) {
  return ConfigSource("", std::move(overrides)).load(testValidators());
}

inline std::vector<std::string> lines(const Diagnostics& diagnostics) {
  std::vector<std::string> all;
  for (const Diagnostic& diagnostic : diagnostics.list()) all.push_back(diagnostic.text());
  return all;
}

inline std::vector<std::string> texts(const SourcedList& list) {
  std::vector<std::string> all;
  for (const SourcedText& item : list) all.push_back(item.text);
  return all;
}

/// A service that is sound, for tests of something else.
inline const std::string kSound = "[service web]\nlisten = 1\nbackend = 2\ncert = c\n";

}  // namespace culvert::testing_config
