// SPDX-License-Identifier: GPL-3.0-or-later
// The base of the CertificateLoader's tests: loads the certificates of one service for each reason.
#pragma once

#include <string>
#include <vector>

#include "unit/certs/support/certs_test.h"

namespace culvert {

class LoaderTest : public CertsTest {
 protected:
  /// What one load returned, said and left.
  struct Outcome {
    CertificateUnits units;
    std::vector<std::string> lines;
    bool errors = false;
    unsigned refused = 0;
    bool lookAgain = false;

    /// What unit `i` serves; nullptr: nothing.
    std::shared_ptr<const Credentials> serves(size_t i = 0) const {
      return i < units.size() ? units[i]->credentials : nullptr;
    }
    /// The file names of what is served, in order.
    std::vector<std::string> names() const {
      std::vector<std::string> all;
      for (const auto& credentials : credentialsOf(units))
        all.push_back(credentials->certPath().substr(credentials->certPath().rfind('/') + 1));
      return all;
    }
    /// All lines, for messages and searches.
    std::string text() const {
      std::string all;
      for (const std::string& line : lines) all += line + "\n";
      return all;
    }
    bool says(const std::string& words) const { return text().find(words) != std::string::npos; }
  };

  Outcome load(LoadReason reason, const ServiceOptions& options,
               const CertificateUnits& before = {}) {
    CertificateLoader::Known known;
    for (const auto& unit : before) known.emplace(unit->files.id(), unit);
    Diagnostics diagnostics;
    CertificateLoader loader(reason, std::move(known), diagnostics);
    Outcome outcome;
    outcome.units = loader.load(options, before, before.empty() ? nullptr : &asked_, settings_);
    outcome.lines = linesOf(diagnostics);
    outcome.errors = diagnostics.hasErrors();
    outcome.refused = loader.refused();
    outcome.lookAgain = loader.lookAgain();
    return outcome;
  }
  Outcome start(const ServiceOptions& options) { return load(LoadReason::kStart, options); }
  Outcome reload(const ServiceOptions& options, const Outcome& before) {
    return load(LoadReason::kReload, options, before.units);
  }
  /// One look of the watch.
  Outcome look(const ServiceOptions& options, const Outcome& before) {
    return load(LoadReason::kWatch, options, before.units);
  }
  /// Looks until no more is asked for. The outcome has the lines of all looks.
  Outcome watch(const ServiceOptions& options, const Outcome& before) {
    Outcome all = before;
    all.lines.clear();
    all.refused = 0;
    const bool ended = eventually([&] {
      const Outcome now = look(options, all);
      all.units = now.units;
      all.lookAgain = now.lookAgain;
      all.errors = now.errors;
      all.refused += now.refused;
      all.lines.insert(all.lines.end(), now.lines.begin(), now.lines.end());
      return !now.lookAgain;
    });
    EXPECT_TRUE(ended) << "the watch asks to look again for ever";
    return all;
  }
  /// As if two seconds had passed since: refusals and gaps have stood for so long.
  static Outcome later(Outcome outcome) {
    constexpr int64_t kTwoSeconds = 2'000'000'000;
    for (auto& unit : outcome.units) {
      auto older = std::make_shared<CertificateUnit>(*unit);
      if (older->refusedSince != 0) older->refusedSince -= kTwoSeconds;
      if (older->goneSince != 0) older->goneSince -= kTwoSeconds;
      unit = std::move(older);
    }
    return outcome;
  }

  /// Certificates of a directory below.
  void issueIn(const std::string& directory, const std::string& name,
               const TestLeaf& leaf = {}) const {
    const TempDir fresh;
    TestCa::shared().issue(fresh, name, leaf);
    for (const char* ending : {".pem", ".key"})
      dir_.write(directory + "/" + name + ending, fresh.read(name + ending));
  }
  bool settleIn(const std::string& directory, const std::string& name) const {
    return settleFiles(
        {dir_ / (directory + "/" + name + ".pem"), dir_ / (directory + "/" + name + ".key")});
  }

  AskedNames asked_;
  const TlsSettings* settings_ = nullptr;
};

}  // namespace culvert
