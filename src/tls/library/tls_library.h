// SPDX-License-Identifier: GPL-3.0-or-later
// The wolfSSL library as a whole: its initialisation, its build options, and the CPU instructions
// that it uses. Thread: start (init), any (the rest).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace culvert {

/// Initialises wolfSSL. Must be called before any other function of tls/ and before threads start.
/// Later calls do nothing.
Result<void> initTlsLibrary();

/// "5.9.2"
std::string tlsLibraryVersion();

/// Instruction sets that wolfSSL was built for and that this CPU has: "AES-NI AVX AVX2 BMI2 ADX
/// SHA-NI" or "none (portable C)".
std::string tlsCpuText();

/// False on an x86 CPU without AES instructions, where wolfSSL's AES-GCM is very slow.
bool tlsCpuHasAes();

/// The compiled-in features, for -V: "tls1.3", "tickets", "x25519mlkem768", "aes-gcm-asm", ...
std::vector<std::string> tlsFeatures();

/// Whether this build of wolfSSL supports the group. wolfSSL must be initialised.
bool libraryHasGroup(uint16_t group);

/// Tests for a known defect of this wolfSSL build on this CPU, and returns it as a sentence; empty:
/// not found. Takes about 100 us. wolfSSL releases up to 5.9.2 compute wrong X25519 public keys
/// after other AVX2 code. scripts/wolfssl.sh fixes that defect.
std::string tlsLibraryDefect();

}  // namespace culvert
