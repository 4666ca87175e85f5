// SPDX-License-Identifier: GPL-3.0-or-later
// TunnelPlan lists the steps that open a tunnel, in order. Each service has one plan, which follows
// from `tls` and `backend-tls`. Thread: frozen.
#pragma once

#include <array>
#include <cstdint>

namespace culvert {

enum class OpeningStep : uint8_t {
  kClientHandshake,  ///< the TLS handshake with the client
  kConnect,  ///< culvert connects to the backend; the inbound FIFO collects the client's first
             ///< bytes
  kBackendHandshake,  ///< the TLS handshake with the backend
  kRelay,             ///< the last step: the tunnel is open
};

struct TunnelPlan {
  std::array<OpeningStep, 4> steps;  ///< up to kRelay; what follows it does not count

  constexpr bool has(OpeningStep step) const {
    for (const OpeningStep one : steps) {
      if (one == step) return true;
      if (one == OpeningStep::kRelay) return false;
    }
    return false;
  }
};

/// The plan for TLS clients. culvert connects to the backend only after the client's handshake. So
/// a client whose handshake fails causes no work for the backend.
inline constexpr TunnelPlan kHandshakeThenConnect{
    {OpeningStep::kClientHandshake, OpeningStep::kConnect, OpeningStep::kRelay}};

/// The plan for TLS clients and TLS backends.
inline constexpr TunnelPlan kBothHandshakes{{OpeningStep::kClientHandshake, OpeningStep::kConnect,
                                             OpeningStep::kBackendHandshake, OpeningStep::kRelay}};

/// The plan for plain clients and plain backends.
inline constexpr TunnelPlan kConnectOnly{{OpeningStep::kConnect, OpeningStep::kRelay}};

/// The plan for plain clients and TLS backends (client mode). culvert connects at once, because the
/// backend may speak first.
inline constexpr TunnelPlan kConnectThenHandshake{
    {OpeningStep::kConnect, OpeningStep::kBackendHandshake, OpeningStep::kRelay}};

}  // namespace culvert
