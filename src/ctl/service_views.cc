// SPDX-License-Identifier: GPL-3.0-or-later
// `culvertctl services`, `backends` and `certs`.
#include <fmt/format.h>

#include <algorithm>

#include "ctl/views.h"
#include "ctl/words_of.h"

namespace culvert {

namespace {

Tint stateTint(std::string_view state) {
  if (state == "up") return Tint::kGreen;
  return state == "down" || state == "ejected" || state == "unresolved" ? Tint::kRed
                                                                        : Tint::kYellow;
}

Cell stateCell(const JsonValue& value) {
  return {shownText(value, "state"), stateTint(value.text("state"))};
}

std::string modeWords(const JsonValue& service) {
  std::string out = "tls " + shownText(service, "tls");
  const std::string starttls = service.text("starttls");
  if (!starttls.empty() && starttls != "off") out += " after " + visible(starttls);
  if (service.flag("backend_tls")) out += ", backend tls";
  return out;
}

std::string daysWords(const JsonValue& value) {
  const std::optional<double> days = value.number("days_left");
  if (!days) return "";
  return *days < 0 ? "expired" : fmt::format("{:.0f}d", *days);
}

Tint daysTint(const JsonValue& value) {
  const double days = value.number("days_left").value_or(1000);
  return days < 3 ? Tint::kRed : days < 21 ? Tint::kYellow : Tint::kNone;
}

std::string backendCount(const JsonValue& service) {
  return fmt::format("{}/{}", countWords(service.count("backends_up")),
                     countWords(service.count("backends")));
}

/// The order in which services and backends are listed: what is wrong first.
int severityOf(std::string_view state) {
  if (state == "down" || state == "ejected" || state == "unresolved") return 0;
  if (state == "up") return 2;
  return 1;
}

std::vector<const JsonValue*> worstFirst(const std::vector<const JsonValue*>& all) {
  std::vector<const JsonValue*> sorted = all;
  std::ranges::stable_sort(sorted, {},
                           [](const JsonValue* one) { return severityOf(one->text("state")); });
  return sorted;
}

std::string certificateNames(const JsonValue& certificate) {
  const std::string names = visible(certificate.joined("names"));
  return names.empty() ? shownText(certificate, "subject") : names;
}

}  // namespace

std::string servicesView(const std::vector<JsonValue>& pages, const Style& style) {
  Table table({{"SERVICE"},
               {"STATE"},
               {"TUNNELS", true},
               {"ACCEPTED", true},
               {"IN", true},
               {"OUT", true},
               {"BACKENDS UP", true},
               {"CERT LEFT", true},
               {"LISTENING"},
               {"MODE"},
               {"WHY"}});
  std::vector<const JsonValue*> all;
  for (const JsonValue& page : pages)
    for (const JsonValue& service : page.items("services")) all.push_back(&service);
  for (const JsonValue* service : worstFirst(all))
    table.add({shownText(*service, "service"),
               stateCell(*service),
               countWords(service->count("tunnels")),
               countWords(service->count("accepted")),
               bytesWords(service->count("bytes_in")),
               bytesWords(service->count("bytes_out")),
               backendCount(*service),
               {daysWords(*service), daysTint(*service)},
               visible(service->joined("listening")),
               modeWords(*service),
               shownText(*service, "why")});
  return table.size() == 0 ? "There is no service.\n" : table.text(style);
}

std::string serviceView(const JsonValue& service) {
  const auto number = [&](std::string_view name) {
    return service.has(name) ? countWords(service.count(name)) : std::string();
  };
  std::string state = shownText(service, "state");
  if (const std::string why = shownText(service, "why"); !why.empty()) state += ": " + why;
  return fmt::format("{}\n", shownText(service, "service")) +
         pairLines({
             {"state", state},
             {"listening", visible(service.joined("listening"))},
             {"mode", modeWords(service)},
             {"backends up", backendCount(service)},
             {"certificates", number("certificates")},
             {"certificate left", daysWords(service)},
             {"tunnels", number("tunnels")},
             {"accepted", number("accepted")},
             {"bytes in", bytesWords(service.count("bytes_in"))},
             {"bytes out", bytesWords(service.count("bytes_out"))},
             {"handshakes ok", number("handshakes_ok")},
             {"handshakes resumed", number("handshakes_resumed")},
             {"handshakes failed", number("handshakes_failed")},
             {"refused by limits", number("refused")},
             {"backend failures", number("backend_failures")},
         });
}

std::string serviceNames(const std::vector<JsonValue>& pages) {
  std::string out;
  for (const JsonValue& page : pages)
    for (const JsonValue& service : page.items("services"))
      out += shownText(service, "service") + "\n";
  return out;
}

std::string backendsView(const JsonValue& backends, std::string_view service, const Style& style) {
  Table table({{"SERVICE"},
               {"BACKEND"},
               {"NAME"},
               {"STATE"},
               {"SINCE", true},
               {"TUNNELS", true},
               {"WEIGHT", true},
               {"CHECK"},
               {"ERROR"}});
  std::vector<const JsonValue*> all;
  for (const JsonValue& backend : backends.items("backends"))
    if (service.empty() || backend.text("service") == service) all.push_back(&backend);
  for (const JsonValue* one : worstFirst(all)) {
    const std::optional<double> since = one->number("since_s");
    const std::string name = shownText(*one, "name"), address = shownText(*one, "backend");
    table.add({shownText(*one, "service"), address, name == address ? "" : name, stateCell(*one),
               since ? durationWords(*since * 1000) : "", countWords(one->count("tunnels")),
               one->has("weight") ? countWords(one->count("weight")) : "", shownText(*one, "check"),
               shownText(*one, "error")});
  }
  if (table.size() != 0) return table.text(style);
  return service.empty() ? "There is no backend.\n"
                         : fmt::format("Service {} has no backend.\n", visible(service));
}

std::vector<std::string> servicesWithoutBackend(const JsonValue& backends,
                                                std::string_view service) {
  std::vector<std::string> order, up;
  for (const JsonValue& backend : backends.items("backends")) {
    const std::string name = backend.text("service");
    if (!service.empty() && name != service) continue;
    if (std::ranges::find(order, name) == order.end()) order.push_back(name);
    if (backend.text("state") == "up") up.push_back(name);
  }
  std::erase_if(order,
                [&](const std::string& name) { return std::ranges::find(up, name) != up.end(); });
  return order;
}

std::string certificatesView(const JsonValue& certificates, const Style& style) {
  Table table({{"LEFT", true},
               {"SERVICE"},
               {"KIND"},
               {"FOR"},
               {"ISSUER"},
               {"NOT AFTER"},
               {"KEY"},
               {"FILES"},
               {"NEWER VERSION REFUSED"}});
  std::vector<const JsonValue*> all;
  for (const JsonValue& one : certificates.items("certificates")) all.push_back(&one);
  std::ranges::stable_sort(all, {}, [](const JsonValue* one) {
    return std::pair(one->text("refused").empty(), one->number("days_left").value_or(1e9));
  });
  for (const JsonValue* one : all)
    table.add({{daysWords(*one), daysTint(*one)},
               shownText(*one, "service"),
               shownText(*one, "kind"),
               certificateNames(*one),
               shownText(*one, "issuer"),
               timeWords(one->text("not_after")),
               shownText(*one, "key"),
               visible(one->joined("files")),
               {shownText(*one, "refused"), Tint::kRed}});
  return table.size() == 0 ? "There is no certificate.\n" : table.text(style);
}

}  // namespace culvert
