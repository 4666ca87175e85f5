// SPDX-License-Identifier: GPL-3.0-or-later
// Formats each error and warning as one line, and sorts them.
#include "config/diagnostics.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/words.h"

namespace culvert {

std::string Origin::text() const {
  switch (kind) {
    case Kind::kDefault:
      return "default";
    case Kind::kPolicy:
      return "policy " + name;
    case Kind::kFile:
      return line == 0 ? printable(name) : fmt::format("{}:{}", printable(name), line);
    case Kind::kEnvironment:
      return "env:" + printable(name);
    case Kind::kSet:
      return fmt::format("--set#{}", line);
    case Kind::kNamed:
      return name;
  }
  return {};
}

std::string Diagnostic::text() const {
  constexpr std::string_view kWords[] = {"note", "warning", "error"};
  std::string line = fmt::format("{}: {}: ", origin.text(), kWords[static_cast<size_t>(severity)]);
  if (!section.empty()) line += fmt::format("[{}]{}", printable(section), key.empty() ? ": " : " ");
  if (!key.empty()) line += printable(key) + ": ";
  return line + printable(what, 8192);
}

void Diagnostics::add(Severity severity, const Origin& origin, std::string section, std::string key,
                      std::string what) {
  // Count errors separately from warnings and notes, so that many warnings cannot hide an error.
  const bool tooMany =
      severity == Severity::kError ? full() : list_.size() - errors_ >= kMostErrors;
  if (tooMany) return;
  list_.push_back({severity, origin, std::move(section), std::move(key), std::move(what)});
  if (severity == Severity::kError) ++errors_;
}

void Diagnostics::append(const Diagnostics& others) {
  list_.insert(list_.end(), others.list_.begin(), others.list_.end());
  errors_ += others.errors_;
}

void Diagnostics::sort() {
  const auto place = [](const Diagnostic& d) {
    return std::tie(d.origin.kind, d.origin.document, d.origin.line);
  };
  std::stable_sort(list_.begin(), list_.end(),
                   [&](const Diagnostic& a, const Diagnostic& b) { return place(a) < place(b); });
  const auto same = [](const Diagnostic& a, const Diagnostic& b) {
    return a.origin == b.origin && a.severity == b.severity && a.key == b.key && a.what == b.what;
  };
  list_.erase(std::unique(list_.begin(), list_.end(), same), list_.end());
  errors_ = static_cast<size_t>(std::count_if(list_.begin(), list_.end(), [](const Diagnostic& d) {
    return d.severity == Severity::kError;
  }));
}

void Diagnostics::addCut() {
  if (list_.empty()) return;
  list_.push_back(
      {Severity::kError,
       list_.back().origin,
       {},
       {},
       fmt::format("stopped after {} errors: the rest has not been checked", kMostErrors)});
  ++errors_;
}

}  // namespace culvert
