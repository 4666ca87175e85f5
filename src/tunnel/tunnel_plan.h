// SPDX-License-Identifier: GPL-3.0-or-later
// TunnelPlan lists the steps that open a tunnel, in order. Each service has one plan. Thread:
// frozen.
#pragma once

#include <array>
#include <cstdint>

namespace culvert {

enum class OpeningStep : uint8_t {
  kClientHandshake,  ///< the TLS handshake with the client
  kConnect,  ///< culvert connects to the backend; the inbound FIFO collects the client's first
             ///< bytes
  kRelay,    ///< the last step: the tunnel is open
};

struct TunnelPlan {
  std::array<OpeningStep, 3> steps;
};

/// The plan for TLS clients. culvert connects to the backend only after the client's handshake. So
/// a client whose handshake fails causes no work for the backend.
inline constexpr TunnelPlan kHandshakeThenConnect{
    {OpeningStep::kClientHandshake, OpeningStep::kConnect, OpeningStep::kRelay}};

}  // namespace culvert
