// SPDX-License-Identifier: GPL-3.0-or-later
// culvert's only source of random bytes: getrandom(2) with a reserve. Each handshake requests
// random bytes five times, a few bytes at a time. The reserve saves system calls, which take longer
// than generating the bytes. Thread: any.
#pragma once

/// wolfSSL's random source (CUSTOM_RAND_GENERATE_BLOCK). Fills `out` from a small reserve of the
/// calling thread, which getrandom(2) refills. Returns each byte only once, and then wipes it from
/// the reserve. A forked child starts with an empty reserve. Returns 0, or -1 if the kernel
/// returned no bytes (wolfSSL then fails the operation). Thread: any.
extern "C" int culvertRandomBlock(unsigned char* out, unsigned size);
