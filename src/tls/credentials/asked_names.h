// SPDX-License-Identifier: GPL-3.0-or-later
// AskedNames remembers under which names of a service's certificates clients have come lately, so
// that a certificate which lacks one of them can be warned of. It holds names of certificates only
// and never what a client has sent: strangers can neither fill it nor push anything out.
// Thread: any.
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

  /// `name`: as a certificate has it (CredentialSet::nameCovering), `*.example.org` for all below.
  /// `now`: seconds of any clock that does not go back.
  void note(std::string_view name, int64_t now);

  /// Those asked for within the time, in no order. Forgets the others.
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
