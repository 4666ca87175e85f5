// SPDX-License-Identifier: GPL-3.0-or-later
// `culvertctl status`: what is wrong first, then what runs, then the log of the last hour.
#include <fmt/format.h>

#include <algorithm>

#include "ctl/views.h"
#include "ctl/words_of.h"

namespace culvert {

namespace {

constexpr size_t kShownLines = 10;

Tint tintOf(std::string_view severity) {
  return severity == "error" || severity == "err" || severity == "crit" ? Tint::kRed
                                                                        : Tint::kYellow;
}

/// "2026-12-01 01:38:13 UTC (3h12m ago)".
std::string agoWords(const JsonValue& value, std::string_view name, int64_t now) {
  const std::string text = value.text(name);
  if (text.empty()) return {};
  const std::optional<int64_t> time = parseTime(text);
  if (!time || *time > now) return timeWords(text);
  return fmt::format("{} ({} ago)", timeWords(text),
                     durationWords(static_cast<double>(now - *time) * 1000));
}

std::string verdict(const JsonValue& status) {
  const JsonValue &ready = status["ready"], &live = status["live"];
  if (!live.flag("ok")) return "does not work: " + shownText(live, "why");
  if (status.flag("draining")) return "is draining";
  if (!ready.flag("ok")) return "is not ready: " + shownText(ready, "why");
  const size_t problems = status.items("problems").size();
  if (problems != 0) return "is ready, with " + plural(static_cast<double>(problems), "problem");
  return "is ready, nothing is wrong";
}

std::string headline(const JsonValue& status, const Style& style) {
  const std::string text =
      fmt::format("culvert {} {}; up {}", shownText(status, "version"), verdict(status),
                  durationWords(status.count("uptime_s") * 1000));
  const bool clean = status.items("problems").empty();
  return style.paint(statusIsWrong(status) ? Tint::kRed
                     : clean               ? Tint::kGreen
                                           : Tint::kYellow,
                     text) +
         "\n";
}

std::string problemLines(const JsonValue& status, const Style& style) {
  Table table({{"SEVERITY"}, {"SERVICE"}, {"WHAT IS WRONG"}});
  for (const JsonValue& problem : status.items("problems"))
    table.add({{shownText(problem, "severity"), tintOf(problem.text("severity"))},
               shownText(problem, "service"),
               shownText(problem, "text")});
  return table.size() == 0 ? "" : "\n" + table.text(style);
}

std::string lastReload(const JsonValue& status, int64_t now) {
  const JsonValue& last = status["last_reload"];
  if (!last.isObject()) return "";
  return fmt::format("{}, {}", last.flag("done") ? "done" : "FAILED, nothing changed",
                     agoWords(last, "time", now));
}

std::string failedReload(const JsonValue& status, const Style& style) {
  const JsonValue& last = status["last_reload"];
  if (!last.isObject() || last.flag("done")) return {};
  return "\nThe last reload:\n" + reloadView(last, style);
}

std::string handshakes(const JsonValue& status) {
  const JsonValue& timings = status["timings"];
  std::string out;
  for (const auto& [name, title] :
       {std::pair("handshake_full", "full"), std::pair("handshake_resumed", "resumed")}) {
    const JsonValue& one = timings[name];
    if (one.count("count") == 0) continue;
    out += fmt::format("{}{} {} (half within {}, 99% within {})", out.empty() ? "" : ", ",
                       countWords(one.count("count")), title, microsWords(one.number("p50_us")),
                       microsWords(one.number("p99_us")));
  }
  return out;
}

std::string listeningWords(const JsonValue& status) {
  size_t away = 0;
  std::string list;
  const std::vector<JsonValue>& all = status.items("listening");
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].flag("away")) ++away;
    if (i < 6) list += fmt::format("{}{}", i == 0 ? "" : ", ", shownText(all[i], "address"));
  }
  if (all.size() > 6) list += ", ..";
  std::string out = fmt::format("{} at {}", plural(status.count("services"), "service"),
                                plural(static_cast<double>(all.size()), "address", "addresses"));
  if (!list.empty()) out += ": " + list;
  if (away != 0) out += fmt::format("; {} closed while its backends are down", away);
  return out;
}

std::string workerWords(const JsonValue& status) {
  double most = 0, least = -1;
  for (const JsonValue& worker : status.items("workers")) {
    const double tunnels = worker.count("tunnels");
    most = std::max(most, tunnels);
    least = least < 0 ? tunnels : std::min(least, tunnels);
  }
  const auto count = static_cast<double>(status.items("workers").size());
  if (count == 0) return {};
  if (most == least)
    return fmt::format("{}, {}{}", plural(count, "thread"), plural(most, "tunnel"),
                       count == 1 ? "" : " each");
  return fmt::format("{}, {} to {} tunnels each", plural(count, "thread"), countWords(least),
                     countWords(most));
}

std::string levelWords(const JsonValue& status, int64_t now) {
  std::string out = shownText(status, "log_level");
  if (const std::optional<int64_t> until =
          parseTime(status.text("log_level_until").empty() ? "-" : status.text("log_level_until")))
    out +=
        fmt::format(", for another {}",
                    durationWords(static_cast<double>(std::max<int64_t>(*until - now, 0)) * 1000));
  return out;
}

std::string tunnelWords(const JsonValue& status) {
  const JsonValue& tunnels = status["tunnels"];
  std::string out = countWords(tunnels.count("open")) + " open";
  if (tunnels.count("limit") != 0) out += " of at most " + countWords(tunnels.count("limit"));
  if (const auto total = status["counters"].number("accepted"))
    out += fmt::format("; {} accepted since the start", countWords(*total));
  return out;
}

std::string trafficWords(const JsonValue& status) {
  const JsonValue& counters = status["counters"];
  if (!counters.has("bytes_in") && !counters.has("bytes_out")) return {};
  return fmt::format("{} in, {} out since the start", bytesWords(counters.count("bytes_in")),
                     bytesWords(counters.count("bytes_out")));
}

std::string causes(const JsonValue& status) {
  std::vector<std::pair<double, std::string>> all;
  for (const auto& [name, value] : status["closed_by_cause"].members())
    all.emplace_back(-value.number().value_or(0), visible(name));
  std::ranges::sort(all);
  std::string out;
  for (size_t i = 0; i < all.size() && i < 5; ++i)
    out += fmt::format("{}{} {}", i == 0 ? "" : ", ", countWords(-all[i].first), all[i].second);
  if (all.size() > 5) out += ", ..";
  return out;
}

std::string logLines(const JsonValue& status, const Style& style) {
  const std::vector<JsonValue>& recent = status.items("recent");
  if (recent.empty()) return {};
  Table table({{"TIME"}, {"LEVEL"}, {"TIMES", true}, {"TEXT"}});
  for (size_t i = 0; i < recent.size() && i < kShownLines; ++i) {
    const JsonValue& line = recent[i];
    const double count = line.count("count");
    table.add({timeWords(line.text("time")),
               {shownText(line, "level"), tintOf(line.text("level"))},
               count > 1 ? countWords(count) : "",
               shownText(line, "text")});
  }
  std::string out = "\nWarnings and errors of the last hour, newest first:\n" + table.text(style);
  if (recent.size() > kShownLines)
    out += fmt::format("and {} more (--json prints all)\n", recent.size() - kShownLines);
  return out;
}

}  // namespace

bool statusIsWrong(const JsonValue& status) {
  if (!status["ready"].flag("ok") || !status["live"].flag("ok")) return true;
  for (const JsonValue& problem : status.items("problems"))
    if (problem.text("severity") == "error") return true;
  return false;
}

std::string statusView(const JsonValue& status, int64_t now, const Style& style) {
  std::string out = headline(status, style) + problemLines(status, style);
  out += failedReload(status, style) + "\n";
  std::string tls = shownText(status, "tls");
  out += pairLines({
      {"process", status.has("process") ? shownText(status, "process") +
                                              (tls.empty() ? std::string() : ", TLS by " + tls)
                                        : tls},
      {"started", agoWords(status, "started", now)},
      {"configuration", shownText(status, "file")},
      {"in force since", agoWords(status, "loaded", now)},
      {"last reload", lastReload(status, now)},
      {"listening", listeningWords(status)},
      {"tunnels", tunnelWords(status)},
      {"workers", workerWords(status)},
      {"traffic", trafficWords(status)},
      {"handshakes", handshakes(status)},
      {"closed", causes(status)},
      {"log level", levelWords(status, now)},
  });
  return out + logLines(status, style);
}

}  // namespace culvert
