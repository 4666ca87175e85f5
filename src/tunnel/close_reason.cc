// SPDX-License-Identifier: GPL-3.0-or-later
// See close_reason.h.
#include "tunnel/close_reason.h"

namespace culvert {

CloseReason reasonOf(const StreamFailure& failure) {
  for (size_t i = 0; i < kCloseCauseNames.size(); ++i) {
    const std::string_view name = kCloseCauseNames[i];
    const bool takesWord = name.ends_with(':');
    if (takesWord ? failure.cause.starts_with(name) : failure.cause == name) {
      return {static_cast<CloseCause>(i), failure.cause.substr(name.size()), failure.detail};
    }
  }
  return {CloseCause::kInternal, "", failure.cause + " " + failure.detail};
}

}  // namespace culvert
