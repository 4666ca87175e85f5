// SPDX-License-Identifier: GPL-3.0-or-later
// AskedNames remembers which certificate names of a service clients have requested recently. If a
// renewed certificate lacks a remembered name, culvert logs a warning. AskedNames stores only names
// from certificates, never text from a client. So a client cannot make it grow or remove its
// entries. Thread: any.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace culvert {

class AskedNames {
 public:
  /// How long AskedNames remembers a name, in seconds.
  static constexpr int64_t kSeconds = 24 * 3600;

  /// Remembers that a client requested `name` at time `now`. `name` must be the certificate's name
  /// (CredentialSet::nameCovering), for example `*.example.org` if the client requested
  /// `www.example.org`. `now` must be in seconds of a clock that never goes back.
  void note(std::string_view name, int64_t now);

  /// Returns the names requested in the last kSeconds, in any order. Forgets the names requested
  /// earlier.
  std::vector<std::string> recent(int64_t now);

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };

  std::mutex mutex_;
  std::unordered_map<std::string, int64_t, Hash, std::equal_to<>> last_;
};

}  // namespace culvert
