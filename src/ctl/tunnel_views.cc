// SPDX-License-Identifier: GPL-3.0-or-later
// `culvertctl tunnels`: the table, and everything about one tunnel.
#include <fmt/format.h>

#include "ctl/views.h"
#include "ctl/words_of.h"

namespace culvert {

namespace {

std::string milliseconds(const JsonValue& value, std::string_view name) {
  const std::optional<double> number = value.number(name);
  return number ? durationWords(*number) : "";
}

std::string tcpWords(const JsonValue& side) {
  if (!side.isObject()) return {};
  std::string out =
      fmt::format("{}, round trip {} +-{}, window {}", shownText(side, "state"),
                  microsWords(side.number("rtt_us")), microsWords(side.number("rtt_var_us")),
                  countWords(side.count("cwnd")));
  for (const auto& [name, words] :
       {std::pair("retransmits", "retransmitted"), std::pair("lost", "lost"),
        std::pair("unacked", "not acknowledged")})
    if (side.count(name) != 0) out += fmt::format(", {} {}", countWords(side.count(name)), words);
  for (const auto& [name, words] :
       {std::pair("not_sent", "not sent"), std::pair("unread", "not read")})
    if (side.count(name) != 0) out += fmt::format(", {} {}", bytesWords(side.count(name)), words);
  return out;
}

std::string shortTcp(const JsonValue& side) {
  if (!side.isObject()) return {};
  const double resent = side.count("retransmits");
  return microsWords(side.number("rtt_us")) +
         (resent == 0 ? std::string() : fmt::format(" ({} resent)", countWords(resent)));
}

std::string tlsWords(const JsonValue& tunnel) {
  std::string out = shownText(tunnel, "tls");
  for (std::string_view name : {"suite", "group"})
    if (tunnel.has(name))
      out += fmt::format("{}{}", out.empty() ? "" : ", ", shownText(tunnel, name));
  if (tunnel.flag("resumed")) out += ", resumed";
  return out;
}

std::vector<Column> tunnelColumns(bool withTcp) {
  std::vector<Column> columns = {{"ID", true},
                                 {"SERVICE"},
                                 {"CLIENT"},
                                 {"SNI"},
                                 {"BACKEND"},
                                 {"STATE"},
                                 {"AGE", true},
                                 {"IDLE", true},
                                 {"BYTES IN", true},
                                 {"BYTES OUT", true},
                                 {"RATE IN", true},
                                 {"RATE OUT", true},
                                 {"BLOCKED"},
                                 {"TLS"},
                                 {"ALPN"}};
  if (withTcp) {
    columns.push_back({"CLIENT RTT", true});
    columns.push_back({"BACKEND RTT", true});
  }
  return columns;
}

}  // namespace

std::string blockedWords(const JsonValue& tunnel) {
  const std::string side = shownText(tunnel, "blocked");
  if (side.empty()) return {};
  return fmt::format("{} {}", side, durationWords(tunnel.count("blocked_for_ms")));
}

std::string tunnelsView(const JsonValue& answer, bool withTcp, const Style& style) {
  const std::vector<JsonValue>& all = answer.items("tunnels");
  if (all.empty()) return "No tunnel matches.\n";
  Table table(tunnelColumns(withTcp));
  for (const JsonValue& tunnel : all) {
    std::vector<Cell> row = {shownText(tunnel, "id"),
                             shownText(tunnel, "service"),
                             shownText(tunnel, "client"),
                             shownText(tunnel, "sni"),
                             shownText(tunnel, "backend"),
                             shownText(tunnel, "state"),
                             milliseconds(tunnel, "total_ms"),
                             milliseconds(tunnel, "idle_ms"),
                             bytesWords(tunnel.count("bytes_in")),
                             bytesWords(tunnel.count("bytes_out")),
                             rateWords(tunnel.number("rate_in")),
                             rateWords(tunnel.number("rate_out")),
                             {blockedWords(tunnel), Tint::kYellow},
                             shownText(tunnel, "tls"),
                             shownText(tunnel, "alpn")};
    if (withTcp) {
      row.emplace_back(shortTcp(tunnel["tcp"]["client"]));
      row.emplace_back(shortTcp(tunnel["tcp"]["backend"]));
    }
    table.add(std::move(row));
  }
  std::string out = table.text(style);
  if (answer.flag("more"))
    out +=
        fmt::format("{} shown, there are more: --limit shows more, --after {} the next ones\n",
                    plural(static_cast<double>(all.size()), "tunnel"), shownText(answer, "after"));
  return out;
}

std::string tunnelView(const JsonValue& tunnel) {
  const auto bytes = [&](std::string_view total, std::string_view rate, std::string_view waiting) {
    std::string out = bytesWords(tunnel.count(total));
    if (tunnel.has(rate)) out += ", now " + rateWords(tunnel.number(rate));
    if (tunnel.count(waiting) != 0)
      out += fmt::format(", {} wait in culvert", bytesWords(tunnel.count(waiting)));
    return out;
  };
  std::string backendTls = shownText(tunnel, "backend_tls");
  return fmt::format("tunnel {}\n", shownText(tunnel, "id")) +
         pairLines({
             {"service", shownText(tunnel, "service")},
             {"state", shownText(tunnel, "state")},
             {"client", shownText(tunnel, "client")},
             {"through proxy", shownText(tunnel, "proxy")},
             {"backend", shownText(tunnel, "backend")},
             {"server name", shownText(tunnel, "sni")},
             {"ALPN", shownText(tunnel, "alpn")},
             {"TLS", tlsWords(tunnel)},
             {"client certificate", shownText(tunnel, "client_cert")},
             {"backend TLS", backendTls},
             {"bytes in", bytes("bytes_in", "rate_in", "waiting_in")},
             {"bytes out", bytes("bytes_out", "rate_out", "waiting_out")},
             {"blocked now", blockedWords(tunnel)},
             {"client blocked", milliseconds(tunnel, "client_blocked_ms")},
             {"backend blocked", milliseconds(tunnel, "backend_blocked_ms")},
             {"handshake", milliseconds(tunnel, "handshake_ms")},
             {"connect", milliseconds(tunnel, "connect_ms")},
             {"started", timeWords(tunnel.text("start"))},
             {"age", milliseconds(tunnel, "total_ms")},
             {"idle", milliseconds(tunnel, "idle_ms")},
             {"worker", shownText(tunnel, "worker")},
             {"client's TCP", tcpWords(tunnel["tcp"]["client"])},
             {"backend's TCP", tcpWords(tunnel["tcp"]["backend"])},
         });
}

}  // namespace culvert
