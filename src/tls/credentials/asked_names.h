// SPDX-License-Identifier: GPL-3.0-or-later
// AskedNames remembers which certificate names of a service clients have requested recently.
// culvert then warns of a renewed certificate that lacks one of them. It stores certificate names
// only, never text from a client. So clients can neither fill it nor push entries out. Thread: any.
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
  /// Names are remembered this long.
  static constexpr int64_t kSeconds = 24 * 3600;

  /// `name`: the name in the certificate (CredentialSet::nameCovering); `*.example.org` for every
  /// host below. `now`: seconds of a clock that does not go back.
  void note(std::string_view name, int64_t now);

  /// The names requested within kSeconds, in any order. Forgets the others.
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
