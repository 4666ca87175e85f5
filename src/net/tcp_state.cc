// SPDX-License-Identifier: GPL-3.0-or-later
// See tcp_state.h.
#include "net/tcp_state.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <iterator>

namespace culvert {
namespace {

// The numbers of the kernel (include/net/tcp_states.h), from 1.
constexpr std::string_view kTcpStates[] = {
    "established", "syn-sent",   "syn-received", "fin-wait-1", "fin-wait-2", "time-wait",
    "closed",      "close-wait", "last-ack",     "listening",  "closing",    "syn-received"};

uint64_t queued(int fd, unsigned long request) {
  int bytes = 0;
  return ::ioctl(fd, request, &bytes) == 0 && bytes > 0 ? static_cast<uint64_t>(bytes) : 0;
}

}  // namespace

std::optional<TcpState> tcpStateOf(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (fd < 0 || ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  TcpState state;
  const size_t number = info.tcpi_state;
  state.state = number >= 1 && number <= std::size(kTcpStates) ? kTcpStates[number - 1] : "?";
  state.rttMicros = info.tcpi_rtt;
  state.rttVarMicros = info.tcpi_rttvar;
  state.congestionWindow = info.tcpi_snd_cwnd;
  state.retransmits = info.tcpi_total_retrans;
  state.unacknowledged = info.tcpi_unacked;
  state.lost = info.tcpi_lost;
  state.notSent = queued(fd, SIOCOUTQNSD);
  state.unread = queued(fd, SIOCINQ);
  return state;
}

}  // namespace culvert
