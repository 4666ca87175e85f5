// SPDX-License-Identifier: GPL-3.0-or-later
// Staple is one verified OCSP response, frozen. StapleSlot is the place beside a certificate for
// its current response, with the last error. Two threads write it: the control thread (response
// from a file) and `culvert-ocsp` (response from a responder). Handshakes read it. Thread: any.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace culvert {

struct Staple {
  std::vector<uint8_t> response;  ///< DER, verified against the certificate's issuer
  int64_t thisUpdate = 0;         ///< seconds since the epoch
  int64_t validUntil = 0;         ///< not served after this
  int64_t verifiedAt = 0;         ///< when it was received or read from its file
  bool revoked = false;
};

class StapleSlot {
 public:
  /// The response that may be sent at this time, or nullptr.
  std::shared_ptr<const Staple> serving(int64_t now) const {
    const std::lock_guard lock(mutex_);
    return staple_ != nullptr && now <= staple_->validUntil ? staple_ : nullptr;
  }
  /// The stored response, even if expired, or nullptr.
  std::shared_ptr<const Staple> held() const {
    const std::lock_guard lock(mutex_);
    return staple_;
  }

  /// Stores `staple`, unless the stored response is newer and valid at `now`. Returns whether it
  /// stored it. The check and the store are one step, because a file and a responder may deliver at
  /// the same time. `staple` is not nullptr.
  bool put(std::shared_ptr<const Staple> staple, int64_t now) {
    const std::lock_guard lock(mutex_);
    trouble_.clear();
    if (staple_ != nullptr && staple_->thisUpdate > staple->thisUpdate &&
        staple_->thisUpdate <= now && now <= staple_->validUntil)
      return false;
    staple_ = std::move(staple);
    return true;
  }
  /// Records that the last attempt failed; the stored response stays.
  void setTrouble(std::string text) {
    const std::lock_guard lock(mutex_);
    trouble_ = std::move(text);
  }
  /// The error of the last attempt; empty: none since the last success.
  std::string trouble() const {
    const std::lock_guard lock(mutex_);
    return trouble_;
  }

 private:
  // Not atomic<shared_ptr>: TSan reports false races in libstdc++ 12's, and a handshake reads the
  // slot only once.
  mutable std::mutex mutex_;
  std::shared_ptr<const Staple> staple_;
  std::string trouble_;
};

}  // namespace culvert
