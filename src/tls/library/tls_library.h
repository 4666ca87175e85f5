// SPDX-License-Identifier: GPL-3.0-or-later
// The wolfSSL library as a whole: its initialisation, its build options, and the CPU instructions
// that it uses. Thread: start (init), any (the rest).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace culvert {

/// Initialises wolfSSL; later calls do nothing. Must be called once before anything else of tls/,
/// before threads.
Result<void> initTlsLibrary();

/// "5.9.2"
std::string tlsLibraryVersion();

/// Instruction sets that wolfSSL was built for and that this CPU has: "AES-NI AVX AVX2 BMI2 ADX
/// SHA-NI" or "none (portable C)".
std::string tlsCpuText();

/// False on an x86 CPU without AES instructions, where wolfSSL's AES-GCM is very slow.
bool tlsCpuHasAes();

/// What is compiled in, for -V: "tls1.3", "tickets", "x25519mlkem768", "aes-gcm-asm", ...
std::vector<std::string> tlsFeatures();

/// Whether this build of wolfSSL has the group. The library must be initialised.
bool libraryHasGroup(uint16_t group);

/// A known defect of this wolfSSL build on this CPU, as a sentence; empty: none found. Takes about
/// 100 us. (wolfSSL releases up to 5.9.2 compute wrong X25519 public keys after other AVX2 code;
/// scripts/wolfssl.sh fixes that.)
std::string tlsLibraryDefect();

}  // namespace culvert
