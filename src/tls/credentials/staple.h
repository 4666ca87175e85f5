// SPDX-License-Identifier: GPL-3.0-or-later
// Staple is one verified OCSP response, frozen; StapleSlot is the place beside a certificate where
// the present one lies, with what there is to tell of it. It is written by whoever got a response
// (control thread: from a file; `culvert-ocsp`: fetched) and read in handshakes. Thread: any.
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
  int64_t verifiedAt = 0;         ///< when it came from the responder or out of its file
  bool revoked = false;
};

class StapleSlot {
 public:
  /// What may be sent at this time; null: nothing.
  std::shared_ptr<const Staple> serving(int64_t now) const {
    const std::lock_guard lock(mutex_);
    return staple_ != nullptr && now <= staple_->validUntil ? staple_ : nullptr;
  }
  /// Also one that has expired.
  std::shared_ptr<const Staple> held() const {
    const std::lock_guard lock(mutex_);
    return staple_;
  }

  /// Takes it, unless what is held is newer and valid at this time; whether it did. One step, since
  /// a file and an answer may come at once. `staple` is not null.
  bool put(std::shared_ptr<const Staple> staple, int64_t now) {
    const std::lock_guard lock(mutex_);
    trouble_.clear();
    if (staple_ != nullptr && staple_->thisUpdate > staple->thisUpdate &&
        staple_->thisUpdate <= now && now <= staple_->validUntil)
      return false;
    staple_ = std::move(staple);
    return true;
  }
  /// The last attempt failed; what is held stays.
  void setTrouble(std::string text) {
    const std::lock_guard lock(mutex_);
    trouble_ = std::move(text);
  }
  /// Empty: none since the last success.
  std::string trouble() const {
    const std::lock_guard lock(mutex_);
    return trouble_;
  }

 private:
  // Not atomic<shared_ptr>: TSan finds fault with libstdc++ 12's, and a handshake asks once.
  mutable std::mutex mutex_;
  std::shared_ptr<const Staple> staple_;
  std::string trouble_;
};

}  // namespace culvert
