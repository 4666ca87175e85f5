// SPDX-License-Identifier: GPL-3.0-or-later
// See tunnel_view.h.
#include "worker/tunnel_view.h"

#include <algorithm>
#include <chrono>

#include "log/log_render.h"
#include "net/tcp_state.h"
#include "worker/client_session.h"
#include "worker/close_line.h"

namespace culvert {
namespace {

uint64_t millisOf(Clock::duration time) {
  return static_cast<uint64_t>(
      std::max<int64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count(), 0));
}

const char* wordOf(BlockedSide side) {
  switch (side) {
    case BlockedSide::kClient:
      return "client";
    case BlockedSide::kBackend:
      return "backend";
    case BlockedSide::kAny:
      return "both";
    case BlockedSide::kNone:
      break;
  }
  return "";
}

TimePoint lastActivity(const Tunnel& tunnel) {
  return std::max(
      {tunnel.inbound().lastActivity(), tunnel.outbound().lastActivity(), tunnel.times().accepted});
}

bool blockMeets(const TunnelBlock& block, const TunnelQuery& query, TimePoint now) {
  if (query.blocked == BlockedSide::kNone) return true;
  if (block.side == BlockedSide::kNone || now - block.since < query.blockedFor) return false;
  return query.blocked == BlockedSide::kAny || block.side == BlockedSide::kAny ||
         block.side == query.blocked;
}

void addTcp(std::string& fields, const char* end, int fd) {
  const auto tcp = tcpStateOf(fd);
  fields += '"';
  fields += end;
  if (!tcp) {
    fields += "\":null";
    return;
  }
  LogLine line(LogLevel::kInfo, "");
  line.add("state", tcp->state).add("rtt_us", tcp->rttMicros).add("rtt_var_us", tcp->rttVarMicros);
  line.add("cwnd", tcp->congestionWindow).add("retransmits", tcp->retransmits);
  line.add("unacked", tcp->unacknowledged).add("lost", tcp->lost);
  line.add("not_sent", tcp->notSent).add("unread", tcp->unread);
  fields += "\":{" + renderJsonFields(line) + '}';
}

std::string tcpFields(Tunnel& tunnel) {
  const ByteStream* backend = tunnel.backendStream();
  std::string fields = ",\"tcp\":{";
  addTcp(fields, "client", tunnel.client().descriptor());
  fields += ',';
  addTcp(fields, "backend", backend != nullptr ? backend->descriptor() : -1);
  return fields + '}';
}

}  // namespace

TunnelBlock blockOf(const Tunnel& tunnel) {
  const TimePoint client = tunnel.outbound().blockedSince();
  const TimePoint backend = tunnel.inbound().blockedSince();
  if (client == kNever && backend == kNever) return {};
  if (client == kNever) return {BlockedSide::kBackend, backend};
  if (backend == kNever) return {BlockedSide::kClient, client};
  return {BlockedSide::kAny, std::min(client, backend)};
}

bool meets(Tunnel& tunnel, const TunnelQuery& query, TimePoint now) {
  if (tunnel.id() <= query.after || (query.id != 0 && tunnel.id() != query.id)) return false;
  if (query.state && tunnel.state() != *query.state) return false;
  if (now - tunnel.times().accepted < query.minAge) return false;
  const auto& session = static_cast<const ClientSession&>(tunnel.host());
  if (!query.service.empty() && session.profile().name != query.service) return false;
  if (query.client && !query.client->contains(session.client())) return false;
  if (!blockMeets(blockOf(tunnel), query, now)) return false;
  if (!query.sni.empty() && session.serverName().find(query.sni) == std::string::npos) return false;
  return query.backend.empty() ||
         tunnel.backendAddress().text().find(query.backend) != std::string::npos;
}

uint64_t rankOf(const Tunnel& tunnel, TunnelOrder order, TimePoint now) {
  switch (order) {
    case TunnelOrder::kBytes:
      return tunnel.inbound().delivered() + tunnel.outbound().delivered();
    case TunnelOrder::kBlocked: {
      const TunnelBlock block = blockOf(tunnel);
      return block.side == BlockedSide::kNone ? 0 : millisOf(now - block.since) + 1;
    }
    case TunnelOrder::kIdle:
      return millisOf(now - lastActivity(tunnel));
    case TunnelOrder::kId:
      break;
  }
  return ~tunnel.id();
}

TunnelRow rowOf(Tunnel& tunnel, const TunnelQuery& query, TimePoint now, std::string_view worker) {
  const auto& session = static_cast<const ClientSession&>(tunnel.host());
  const TunnelTimes& times = tunnel.times();
  LogLine line(LogLevel::kInfo, "");
  session.describeEnds(tunnel, line);
  session.describeTimes(tunnel, now, line);
  line.add("state", kTunnelStateNames[static_cast<size_t>(tunnel.state())]);
  line.add("bytes_in", tunnel.inbound().delivered());
  line.add("bytes_out", tunnel.outbound().delivered());
  line.add("waiting_in", tunnel.inbound().waiting());
  line.add("waiting_out", tunnel.outbound().waiting());
  const TunnelBlock block = blockOf(tunnel);
  line.add("blocked", wordOf(block.side));
  line.add("blocked_for_ms", block.side == BlockedSide::kNone ? 0 : millisOf(now - block.since));
  line.add("idle_ms", millisOf(now - lastActivity(tunnel)));
  line.add("start", startText(times.accepted)).addMillis("total_ms", now - times.accepted);
  line.add("worker", worker);
  TunnelRow row{.id = tunnel.id(),
                .rank = rankOf(tunnel, query.order, now),
                .bytesIn = tunnel.inbound().delivered(),
                .bytesOut = tunnel.outbound().delivered(),
                .fields = renderJsonFields(line)};
  if (query.tcp) row.fields += tcpFields(tunnel);
  return row;
}

}  // namespace culvert
