// SPDX-License-Identifier: GPL-3.0-or-later
// Result<T> is a value or one Error. Every operation that can fail at start, reload and set-up
// returns one; no exception leaves a function of culvert. The data path uses IoResult
// (net/byte_stream.h). Thread: any.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace culvert {

/// What went wrong, with a text that helps the operator to fix it. `sysErrno` is 0 if no system
/// call failed.
struct Error {
  std::string text;
  int sysErrno = 0;
};

template <class T>
using Result = tl::expected<T, Error>;

/// Builds the failed Result. With `sysErrno` the text should not repeat strerror(): see
/// `failErrno`.
[[nodiscard]] inline tl::unexpected<Error> fail(std::string text, int sysErrno = 0) {
  return tl::unexpected<Error>(Error{std::move(text), sysErrno});
}

/// `what` + ": " + the system's text for `sysErrno`.
[[nodiscard]] tl::unexpected<Error> failErrno(std::string what, int sysErrno);

/// The system's text for an errno value (thread-safe).
[[nodiscard]] std::string errnoText(int sysErrno);

}  // namespace culvert
