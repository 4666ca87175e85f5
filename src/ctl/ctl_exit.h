// SPDX-License-Identifier: GPL-3.0-or-later
// culvertctl's exit codes, from ctl_exit.def, and the failure that carries one. Thread: any.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace culvert {

enum CtlExit : int {
#define CTL_EXIT(name, number, words) kCtl##name = number,
#include "ctl/ctl_exit.def"
#undef CTL_EXIT
};

/// What went wrong, and the exit code for it.
struct CtlFailure {
  CtlExit code = kCtlWrong;
  std::string text;
  int sysErrno = 0;  ///< of the connection, or 0
  int status = 0;    ///< the HTTP status of a refusal, or 0
};

template <class T>
using CtlResult = tl::expected<T, CtlFailure>;

[[nodiscard]] inline tl::unexpected<CtlFailure> ctlFail(CtlExit code, std::string text,
                                                        int sysErrno = 0) {
  return tl::unexpected<CtlFailure>(CtlFailure{code, std::move(text), sysErrno, 0});
}

}  // namespace culvert
