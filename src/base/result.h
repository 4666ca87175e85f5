// SPDX-License-Identifier: GPL-3.0-or-later
// Result<T>: a value or one Error. Every fallible operation at start-up, reload and set-up time
// returns one; nothing in culvert throws across a function boundary. The data path uses IoResult
// (net/byte_stream.h). Thread: any.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace culvert {

/// What went wrong, in words a person can act on. `sysErrno` is 0 where no system call failed.
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

/// `what` + ": " + the system's words for `sysErrno`.
[[nodiscard]] tl::unexpected<Error> failErrno(std::string what, int sysErrno);

/// The system's words for an errno value (thread-safe).
[[nodiscard]] std::string errnoText(int sysErrno);

}  // namespace culvert
