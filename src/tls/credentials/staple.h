// SPDX-License-Identifier: GPL-3.0-or-later
// A Staple is one verified OCSP response, frozen. A StapleSlot holds the current response for one
// certificate, and the last error. Two threads write a slot: the control thread (responses from a
// file) and `culvert-ocsp` (responses from a responder). Handshakes read the slot. Thread: any.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace culvert {

struct Staple {
  std::vector<uint8_t> response;  ///< in DER; verified with the key of the certificate's issuer
  int64_t thisUpdate = 0;         ///< seconds since the epoch
  int64_t validUntil = 0;         ///< culvert does not send the response after this time
  int64_t verifiedAt = 0;         ///< when the response was received or read from its file
  bool revoked = false;
};

class StapleSlot {
 public:
  /// Returns the stored response if culvert may send it at `now`, else nullptr.
  std::shared_ptr<const Staple> serving(int64_t now) const {
    const std::lock_guard lock(mutex_);
    return staple_ != nullptr && now <= staple_->validUntil ? staple_ : nullptr;
  }
  /// Returns the stored response even if it has expired, or nullptr if none is stored.
  std::shared_ptr<const Staple> held() const {
    const std::lock_guard lock(mutex_);
    return staple_;
  }

  /// Stores `staple` and returns true. If the stored response is newer and valid at `now`, keeps
  /// the stored response and returns false. Checks and stores under one lock, because both writing
  /// threads may call put() at the same time. `staple` must not be nullptr.
  bool put(std::shared_ptr<const Staple> staple, int64_t now) {
    const std::lock_guard lock(mutex_);
    trouble_.clear();
    if (staple_ != nullptr && staple_->thisUpdate > staple->thisUpdate &&
        staple_->thisUpdate <= now && now <= staple_->validUntil)
      return false;
    staple_ = std::move(staple);
    return true;
  }
  /// Stores the error of the last attempt to get a response. The stored response stays.
  void setTrouble(std::string text) {
    const std::lock_guard lock(mutex_);
    trouble_ = std::move(text);
  }
  /// Returns the error of the last attempt to get a response. Empty if that attempt succeeded.
  std::string trouble() const {
    const std::lock_guard lock(mutex_);
    return trouble_;
  }

 private:
  // culvert uses a mutex because TSan reports false races in atomic<shared_ptr> of libstdc++ 12.
  // The mutex takes little time, because a handshake reads the slot only a few times.
  mutable std::mutex mutex_;
  std::shared_ptr<const Staple> staple_;
  std::string trouble_;
};

}  // namespace culvert
