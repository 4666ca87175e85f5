// SPDX-License-Identifier: GPL-3.0-or-later
// AskedNames remembers which certificate names of a service clients have requested recently. If a
// renewed certificate lacks one of these names, culvert logs a warning. AskedNames stores names
// from certificates only, never text from a client. So a client cannot make it grow or remove its
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
  /// How long a name is remembered, in seconds.
  static constexpr int64_t kSeconds = 24 * 3600;

  /// `name` is the name in the certificate (CredentialSet::nameCovering), for example
  /// `*.example.org` for a request for `www.example.org`. `now` is in seconds of a clock that does
  /// not go back.
  void note(std::string_view name, int64_t now);

  /// The names requested within the last kSeconds, in any order. Forgets all other names.
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
