// SPDX-License-Identifier: GPL-3.0-or-later
// AskedNames remembers which server names clients of one service have asked for lately, so that a
// renewed certificate which lacks one of them can be told from one that lost a name nobody uses.
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
  /// Names are remembered this long, and no more than this many: what comes in beyond is not.
  static constexpr int64_t kSeconds = 24 * 3600;
  static constexpr size_t kMost = 65'536;

  /// `now`: seconds of any clock that does not go back. Only names that a certificate covers, or a
  /// client could fill the table with inventions.
  void note(std::string_view name, int64_t now);

  /// Those asked for within the time, in no order.
  std::vector<std::string> recent(int64_t now) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };

  void forgetOld(int64_t now);

  mutable std::mutex mutex_;
  std::unordered_map<std::string, int64_t, Hash, std::equal_to<>> last_;
  int64_t forgotAt_ = 0;
};

}  // namespace culvert
