// SPDX-License-Identifier: GPL-3.0-or-later
// Owns a Dialog as the tunnel does, for tests and fuzzers: keeps the bytes that the dialog has not
// used, offers them again after every step of either side, and passes all bytes unchanged when the
// dialog has settled. Thread: any (one owner).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "starttls/dialog.h"

namespace culvert {

class DialogOwner {
 public:
  using Next = DialogStep::Next;

  explicit DialogOwner(std::unique_ptr<Dialog> dialog) : dialog_(std::move(dialog)) {
    apply(dialog_->begin(out_), nullptr);
  }

  /// Bytes of the peer, or of the far side, arrive. Behind kStartTls the peer's are not the
  /// dialog's: they are TLS records.
  void peerSends(std::string_view bytes) { receive(peerRest_, bytes); }
  void farSends(std::string_view bytes) { receive(farRest_, bytes); }
  void secure() {
    secured_ = true;
    next_ = Next::kMore;
    apply(dialog_->onSecure(out_), nullptr);
    offerAll();
  }

  std::string takeToPeer() { return std::exchange(toPeer_, {}); }
  std::string takeToFar() { return std::exchange(toFar_, {}); }
  Next next() const { return next_; }
  DialogFault fault() const { return fault_; }
  const std::string& detail() const { return detail_; }
  bool secured() const { return secured_; }
  Dialog& dialog() { return *dialog_; }
  const std::string& peerRest() const { return peerRest_; }  ///< received and not used
  const std::string& farRest() const { return farRest_; }
  /// What the dialog did against its contract; empty if nothing.
  const std::string& broken() const { return broken_; }

 private:
  void receive(std::string& rest, std::string_view bytes) {
    if (next_ == Next::kEnd || next_ == Next::kFail) return;
    rest += bytes;
    offerAll();
  }

  /// Offers the rests until neither side gets on.
  void offerAll() {
    bool moved = true;
    while (moved && next_ == Next::kMore) {
      moved = offer(peerRest_, true);
      if (next_ == Next::kMore && (secured_ || dialog_->needsFar()))
        moved |= offer(farRest_, false);
    }
    if (next_ != Next::kSettled) return;
    toFar_ += std::exchange(peerRest_, {});
    toPeer_ += std::exchange(farRest_, {});
  }

  bool offer(std::string& rest, bool peer) {
    if (rest.empty()) return false;
    // A copy of its own size, so that the sanitizer sees every read behind its end.
    const auto copy = std::make_unique<char[]>(rest.size());
    rest.copy(copy.get(), rest.size());
    const auto bytes = asBytes({copy.get(), rest.size()});
    DialogStep step = peer ? dialog_->fromPeer(bytes, out_) : dialog_->fromFar(bytes, out_);
    return apply(std::move(step), &rest);
  }

  bool apply(DialogStep step, std::string* rest) {
    const size_t consumed = step.consumed;
    if (consumed > (rest ? rest->size() : 0)) broken_ = "consumed more than there was";
    if (rest) rest->erase(0, consumed);
    if (step.next == Next::kStartTls && !step.restIsTls && rest && !rest->empty())
      broken_ = "started TLS with early data";
    if ((step.next == Next::kFail) != (step.fault != DialogFault::kNone))
      broken_ = "a fault without a failure, or a failure without a fault";
    if (step.detail.empty() == (step.next == Next::kFail)) broken_ = "detail does not fit";
    if (step.next == Next::kSettled && !secured_) broken_ = "settled before TLS";
    if (consumed == 0 && step.next == Next::kMore && rest &&
        !(out_.toPeer.empty() && out_.toFar.empty()))
      broken_ = "sent something without using anything";
    next_ = step.next;
    fault_ = step.fault;
    detail_ = std::move(step.detail);
    toPeer_ += std::exchange(out_.toPeer, {});
    toFar_ += std::exchange(out_.toFar, {});
    return consumed > 0;
  }

  std::unique_ptr<Dialog> dialog_;
  DialogOutput out_;
  std::string peerRest_, farRest_;
  std::string toPeer_, toFar_;  // sent and not looked at
  Next next_ = Next::kMore;
  DialogFault fault_ = DialogFault::kNone;
  std::string detail_;
  bool secured_ = false;
  std::string broken_;
};

}  // namespace culvert
