// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel's state of a TCP connection (TCP_INFO, tcp(7)). Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace culvert {

struct TcpState {
  std::string_view state;  ///< for example "established", "close-wait"
  uint32_t rttMicros = 0;
  uint32_t rttVarMicros = 0;
  uint32_t congestionWindow = 0;  ///< segments
  uint32_t retransmits = 0;       ///< segments, since the start of the connection
  uint32_t unacknowledged = 0;    ///< segments sent and not acknowledged
  uint32_t lost = 0;              ///< segments that the kernel believes lost
  uint64_t notSent = 0;           ///< bytes in the send queue that were never sent
  uint64_t unread = 0;            ///< bytes in the receive queue
};

/// Returns nothing if the socket is not a TCP socket.
std::optional<TcpState> tcpStateOf(int fd);

}  // namespace culvert
