// SPDX-License-Identifier: GPL-3.0-or-later
// What `culvertctl reload` and `drain` print.
#include <fmt/format.h>

#include <algorithm>

#include "ctl/views.h"
#include "ctl/words_of.h"

namespace culvert {

namespace {

/// "  services added   a, b" for each list that is not empty.
void addLists(std::vector<std::pair<std::string, std::string>>& pairs, const JsonValue& group,
              std::string_view what) {
  for (std::string_view kind : {"added", "changed", "removed"})
    if (!group.items(kind).empty())
      pairs.emplace_back(fmt::format("{} {}", what, kind), visible(group.joined(kind)));
}

std::string lineText(const JsonValue& problem) {
  const std::string text = shownText(problem, "text"), file = shownText(problem, "file");
  if (file.empty() || text.starts_with(file)) return text;
  const double line = problem.count("line");
  return line > 0 ? fmt::format("{}:{:.0f}: {}", file, line, text)
                  : fmt::format("{}: {}", file, text);
}

std::string certificateLine(const JsonValue& one, const Style& style) {
  const bool refused = one.text("result") == "refused";
  const std::string why = shownText(one, "why");
  const std::string text =
      fmt::format("{}: {} {}{}", shownText(one, "service"), shownText(one, "subject"),
                  shownText(one, "result"), why.empty() ? "" : ": " + why);
  return "  certificate  " + style.paint(refused ? Tint::kRed : Tint::kNone, text) + "\n";
}

}  // namespace

std::string reloadView(const JsonValue& answer, const Style& style) {
  std::string out;
  if (!answer.flag("done")) {
    for (const JsonValue& error : answer.items("errors"))
      out += style.paint(Tint::kRed, lineText(error)) + "\n";
    for (const JsonValue& warning : answer.items("warnings"))
      out += style.paint(Tint::kYellow, lineText(warning)) + "\n";
    return out + "The reload failed; nothing has changed.\n";
  }
  std::vector<std::pair<std::string, std::string>> pairs;
  addLists(pairs, answer["services"], "services");
  addLists(pairs, answer["listeners"], "listeners");
  if (!answer.items("global").empty())
    pairs.emplace_back("global keys changed", visible(answer.joined("global")));
  std::string body = pairLines(pairs);
  for (const JsonValue& one : answer.items("certificates")) body += certificateLine(one, style);
  out = body.empty() ? "Reloaded; nothing is different.\n" : "Reloaded.\n" + body;
  for (const JsonValue& warning : answer.items("warnings"))
    out += style.paint(Tint::kYellow, lineText(warning)) + "\n";
  return out;
}

std::string drainView(const JsonValue& answer) {
  const std::string left = plural(answer.count("tunnels"), "tunnel is", "tunnels are");
  if (!answer.has("service"))
    return fmt::format("culvert is draining: it accepts no new clients. {} still open.\n", left);
  std::string out =
      fmt::format("Service {} is draining: it accepts no new clients. {} still open.\n",
                  shownText(answer, "service"), left);
  const std::string closed = visible(answer.joined("listeners_closed"));
  const std::string shared = visible(answer.joined("listeners_shared"));
  return out + pairLines({{"closed", closed}, {"still open for other services", shared}});
}

}  // namespace culvert
