// SPDX-License-Identifier: GPL-3.0-or-later
// The one source of random bytes: getrandom(2), asked for a reserve at a time, because a handshake
// wants a few bytes five times and a system call costs more than the bytes. Thread: any.
#pragma once

/// wolfSSL's random source (CUSTOM_RAND_GENERATE_BLOCK): fills `out` from getrandom(2), by way of a
/// small reserve of the calling thread. A byte is handed out once and wiped from the reserve with
/// it; a forked child begins with an empty one. 0 = done, -1 = the kernel gave none (wolfSSL then
/// fails the operation). Thread: any.
extern "C" int culvertRandomBlock(unsigned char* out, unsigned size);
