// SPDX-License-Identifier: GPL-3.0-or-later
// Origin says where a value was written. Diagnostics collects every error, warning and note of one
// load and prints each as one line: `FILE:LINE: error: [section] key: text`. Errors found later
// (when loading certificates or binding) have the same form. Thread: any (values).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

/// Where a value comes from. The kinds are ordered by strength, weakest first.
struct Origin {
  enum class Kind : uint8_t { kDefault, kPolicy, kFile, kEnvironment, kSet, kNamed };
  Kind kind = Kind::kDefault;
  uint16_t document = 0;  ///< the file: 0 is the main file, 1 the first that it includes, and so on
  uint32_t line =
      0;  ///< in a file: the line, or 0 for the whole file; in another source: the position there
  std::string name;  ///< name of the policy, file, variable or option

  static Origin policy(std::string name) { return {Kind::kPolicy, 0, 0, std::move(name)}; }
  static Origin file(std::string path, uint32_t line, uint16_t document = 0) {
    return {Kind::kFile, document, line, std::move(path)};
  }
  static Origin environment(std::string variable, uint32_t order) {
    return {Kind::kEnvironment, 0, order, std::move(variable)};
  }
  static Origin set(uint32_t number) { return {Kind::kSet, 0, number, "--set"}; }
  static Origin named(std::string option, uint32_t order) {
    return {Kind::kNamed, 0, order, std::move(option)};
  }

  /// Returns `FILE:LINE` (`FILE` for line 0), `env:NAME`, `--set#N`, `--listen`, `policy NAME` or
  /// `default`. Control characters become '?'.
  std::string text() const;
  bool operator==(const Origin&) const = default;
};

enum class Severity : uint8_t { kNote, kWarning, kError };

struct Diagnostic {
  Severity severity = Severity::kError;
  Origin origin;
  std::string section;  ///< without brackets; empty if there is no section
  std::string key;      ///< empty if the diagnostic concerns the whole section
  std::string what;     ///< what is wrong and what is allowed, perhaps with (did you mean "...")

  /// Returns the line `FILE:LINE: error: [section] key: what`, without a newline. Control
  /// characters become '?'.
  std::string text() const;
};

class Diagnostics {
 public:
  void add(Severity severity, const Origin& origin, std::string section, std::string key,
           std::string what);
  void error(const Origin& origin, std::string section, std::string key, std::string what) {
    add(Severity::kError, origin, std::move(section), std::move(key), std::move(what));
  }
  void warning(const Origin& origin, std::string section, std::string key, std::string what) {
    add(Severity::kWarning, origin, std::move(section), std::move(key), std::move(what));
  }
  void append(const Diagnostics& others);

  /// The maximum number of errors that are kept; later errors are dropped. The caller should stop
  /// checking when full() is true.
  static constexpr size_t kMostErrors = 1000;
  bool full() const { return errors_ >= kMostErrors; }

  /// Sorts by origin: first the diagnostics from files, by file and line, then those from the
  /// environment, then from --set, then from named options. Diagnostics with equal origins keep the order in
  /// which they were added. Removes duplicates.
  void sort();

  /// Adds a last entry, which says that culvert stopped checking because there were too many
  /// errors.
  void addCut();

  const std::vector<Diagnostic>& list() const { return list_; }
  bool hasErrors() const { return errors_ != 0; }
  size_t errors() const { return errors_; }
  bool empty() const { return list_.empty(); }

 private:
  std::vector<Diagnostic> list_;
  size_t errors_ = 0;
};

}  // namespace culvert
