// SPDX-License-Identifier: GPL-3.0-or-later
// culvert's exit codes, from exit_code.def. Scripts and service managers rely on them. Thread: any.
#pragma once

namespace culvert {

enum ExitCode : int {
#define EXIT_CODE(name, number, words) kExit##name = number,
#include "server/exit_code.def"
#undef EXIT_CODE
};

}  // namespace culvert
