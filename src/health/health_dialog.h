// SPDX-License-Identifier: GPL-3.0-or-later
// HealthDialog is what culvert says to a backend in a health check, and how it judges the answer. It
// is pure: bytes in, bytes out, and a verdict. It keeps at most kMostInput bytes of the answer.
// Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "service/service.h"

namespace culvert {

struct [[nodiscard]] HealthVerdict {
  enum class State : uint8_t { kMore, kOk, kFailed };
  State state = State::kMore;
  std::string words{};  ///< what the backend said, or why the check failed; printable

  bool done() const { return state != State::kMore; }
};

class HealthDialog {
 public:
  /// If the answer is longer and still not judged, the check fails.
  static constexpr size_t kMostInput = 8 * 1024;

  virtual ~HealthDialog() = default;

  /// Called once, when the connection is open. Appends what culvert says first to `out`.
  virtual void begin(std::string& out) = 0;
  /// Handles bytes of the backend, whatever the pieces are in which they come. May append more to
  /// `out`, also with the verdict. Call it no more after the verdict.
  HealthVerdict feed(std::span<const uint8_t> bytes, std::string& out);
  /// The backend has closed the connection before the verdict.
  HealthVerdict finish() const;
  /// For a check whose time runs out: what the dialog waits for.
  std::string progress() const;

 protected:
  /// Judges the whole answer so far. The verdict must not depend on the pieces.
  virtual HealthVerdict judge(std::string_view answer, std::string& out) = 0;
  /// What the dialog waits for, for example "a greeting".
  virtual std::string awaited() const = 0;

 private:
  std::string answer_;
};

/// Returns the dialog of a service's health check, or nullptr if the check needs none (off, tcp, tls).
/// `host` is the value of the Host header of an HTTP check.
std::unique_ptr<HealthDialog> makeHealthDialog(const HealthOptions& options,
                                               const std::string& host);

}  // namespace culvert
