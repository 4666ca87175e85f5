// SPDX-License-Identifier: GPL-3.0-or-later
// Functions for the wolfSSL library as a whole: its initialisation, its build options, and the CPU
// instructions that it uses. Thread: start (init), any (the other functions).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace culvert {

/// Initialises wolfSSL. Must be called before any other function of src/tls and before threads
/// start. Further calls do nothing.
Result<void> initTlsLibrary();

/// Returns the version of wolfSSL, for example "5.9.2".
std::string tlsLibraryVersion();

/// Returns the instruction sets that wolfSSL was built for and that this CPU has, for example
/// "AES-NI AVX AVX2 BMI2 ADX SHA-NI", or "none (portable C)".
std::string tlsCpuText();

/// Returns false on an x86 CPU without AES instructions. On such a CPU, wolfSSL's AES-GCM is very
/// slow.
bool tlsCpuHasAes();

/// Returns the compiled-in features, for -V: "tls1.3", "tickets", "x25519mlkem768", "aes-gcm-asm",
/// ...
std::vector<std::string> tlsFeatures();

/// Returns whether this build of wolfSSL supports the group. wolfSSL must be initialised before.
bool libraryHasGroup(uint16_t group);

/// Tests this wolfSSL build on this CPU for a known defect. Returns a sentence about the defect, or
/// an empty text if wolfSSL does not have the defect. Takes about 100 us. The known defect is that
/// wolfSSL releases up to 5.9.2 compute wrong X25519 public keys after other AVX2 code.
/// scripts/wolfssl.sh fixes the defect.
std::string tlsLibraryDefect();

}  // namespace culvert
