// SPDX-License-Identifier: GPL-3.0-or-later
// Result<T> is a value or one Error. Every operation that can fail during start, reload or set-up
// returns a Result; no exception leaves a function of culvert. The data path uses IoResult
// (net/byte_stream.h) instead. Thread: any.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace culvert {

/// What went wrong, with a text that helps the operator to fix it. `sysErrno` is the errno of the
/// system call that failed; 0 if no system call caused the error.
struct Error {
  std::string text;
  int sysErrno = 0;
};

template <class T>
using Result = tl::expected<T, Error>;

/// Makes a failed Result. `text` is the whole message: unlike failErrno(), this function appends
/// nothing.
[[nodiscard]] inline tl::unexpected<Error> fail(std::string text, int sysErrno = 0) {
  return tl::unexpected<Error>(Error{std::move(text), sysErrno});
}

/// Makes a failed Result with the text `what` + ": " + the system's text for `sysErrno`.
[[nodiscard]] tl::unexpected<Error> failErrno(std::string what, int sysErrno);

/// Returns the system's text for an errno value. Thread-safe, unlike strerror().
[[nodiscard]] std::string errnoText(int sysErrno);

}  // namespace culvert
