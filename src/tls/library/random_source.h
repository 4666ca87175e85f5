// SPDX-License-Identifier: GPL-3.0-or-later
// The only source of random bytes: getrandom(2), with a reserve. A handshake requests a few bytes
// five times, and a system call costs more than the bytes. Thread: any.
#pragma once

/// wolfSSL's random source (CUSTOM_RAND_GENERATE_BLOCK): fills `out` from getrandom(2) through a
/// small reserve of the calling thread. Each byte is used once and then wiped from the reserve. A
/// forked child starts with an empty reserve. Returns 0, or -1 if the kernel returned no bytes
/// (wolfSSL then fails the operation). Thread: any.
extern "C" int culvertRandomBlock(unsigned char* out, unsigned size);
