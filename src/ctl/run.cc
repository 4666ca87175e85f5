// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>

#include "base/standard_streams.h"
#include "base/words.h"
#include "ctl/ask.h"
#include "ctl/command_table.h"
#include "ctl/top.h"
#include "ctl/views.h"
#include "ctl/words_of.h"

namespace culvert {

namespace {

using Query = std::vector<std::pair<std::string, std::string>>;

CtlResult<CtlExit> print(std::string_view text, CtlExit code = kCtlDone) {
  if (!printOut(text)) return kCtlWrong;
  return code;
}

/// One command with its connection. Thread: main.
class CtlRunner {
 public:
  explicit CtlRunner(const CtlLine& line)
      : line_(line), ask_(line.address, line.timeout), style_(terminalStyle()) {}

  CtlResult<CtlExit> run();

 private:
  bool json() const { return line_.has(CtlOption::kJson); }
  std::string argument() const {
    return line_.arguments.empty() ? std::string() : line_.arguments.front();
  }

  /// Sends a GET whose answer is JSON. With --json, prints it and ends there.
  template <class Show>
  CtlResult<CtlExit> show(const std::string& path, Query query, const Show& text);
  CtlResult<CtlExit> status();
  CtlResult<CtlExit> services();
  CtlResult<std::vector<JsonValue>> servicePages();
  CtlResult<CtlExit> tunnels();
  CtlResult<CtlExit> backends();
  CtlResult<CtlExit> explain();
  CtlResult<CtlExit> metrics();
  CtlResult<CtlExit> probe(const std::string& path);
  CtlResult<CtlExit> logLevel();
  CtlResult<CtlExit> reload();
  CtlResult<CtlExit> signalInstead(const CtlFailure& failure) const;

  const CtlLine& line_;
  CtlAsk ask_;
  Style style_;
};

template <class Show>
CtlResult<CtlExit> CtlRunner::show(const std::string& path, Query query, const Show& text) {
  const CtlResult<JsonAnswer> answer = ask_.get(path, std::move(query));
  if (!answer) return tl::unexpected(answer.error());
  return text(*answer);
}

CtlResult<CtlExit> CtlRunner::status() {
  return show("/status", {}, [&](const JsonAnswer& answer) {
    const CtlExit code = statusIsWrong(answer.value) ? kCtlWrong : kCtlDone;
    if (!answer.value.has("version") || !answer.value["ready"].isObject())
      return CtlResult<CtlExit>(ask_.misunderstood("/status", "it has no version and state"));
    return print(json() ? answer.body : statusView(answer.value, std::time(nullptr), style_), code);
  });
}

CtlResult<std::vector<JsonValue>> CtlRunner::servicePages() {
  std::vector<JsonValue> pages;
  Query query = line_.query();
  for (;;) {
    CtlResult<JsonAnswer> answer = ask_.get("/services", query);
    if (!answer) return tl::unexpected(answer.error());
    const std::vector<JsonValue>& list = answer->value.items("services");
    const bool last = list.empty() || !answer->value.flag("more") || line_.has(CtlOption::kLimit);
    const std::string after = list.empty() ? "" : list.back().text("service");
    if (!answer->value["services"].isList())
      return ask_.misunderstood("/services", "it has no list of services");
    pages.push_back(std::move(answer->value));
    if (last) return pages;
    std::erase_if(query, [](const auto& one) { return one.first == "after"; });
    query.emplace_back("after", after);
  }
}

CtlResult<CtlExit> CtlRunner::services() {
  Query query = line_.query();
  if (!argument().empty()) query.emplace_back("service", argument());
  if (json() || !argument().empty())
    return show("/services", query, [&](const JsonAnswer& answer) {
      if (json()) return print(answer.body);
      const std::vector<JsonValue>& all = answer.value.items("services");
      if (all.empty())
        return CtlResult<CtlExit>(ctlFail(
            kCtlWrong, fmt::format("there is no service \"{}\"", printable(argument(), 80))));
      return print(line_.has(CtlOption::kNames) ? serviceNames({answer.value})
                                                : serviceView(all.front()));
    });
  const CtlResult<std::vector<JsonValue>> pages = servicePages();
  if (!pages) return tl::unexpected(pages.error());
  return print(line_.has(CtlOption::kNames) ? serviceNames(*pages) : servicesView(*pages, style_));
}

CtlResult<CtlExit> CtlRunner::tunnels() {
  Query query = line_.query();
  const bool one = line_.has(CtlOption::kId);
  if (one && !line_.has(CtlOption::kTcp)) query.emplace_back("tcp", "1");
  return show("/tunnels", query, [&](const JsonAnswer& answer) {
    if (!answer.value["tunnels"].isList())
      return CtlResult<CtlExit>(ask_.misunderstood("/tunnels", "it has no list of tunnels"));
    if (json()) return print(answer.body);
    const std::vector<JsonValue>& all = answer.value.items("tunnels");
    if (one && all.empty())
      return CtlResult<CtlExit>(ctlFail(
          kCtlWrong,
          fmt::format("there is no tunnel {}", printable(line_.value(CtlOption::kId), 40))));
    return print(one ? tunnelView(all.front())
                     : tunnelsView(answer.value, line_.has(CtlOption::kTcp), style_));
  });
}

CtlResult<CtlExit> CtlRunner::backends() {
  const CtlResult<JsonAnswer> answer = ask_.get("/backends", {{"json", "1"}}, {503});
  if (!answer) return tl::unexpected(answer.error());
  if (!answer->value["backends"].isList())
    return ask_.misunderstood("/backends", "it has no list of backends");
  const std::vector<std::string> without = servicesWithoutBackend(answer->value, argument());
  const CtlExit code = without.empty() ? kCtlDone : kCtlWrong;
  if (json()) return print(answer->body, code);
  std::string words;
  for (const std::string& name : without)
    words += style_.paint(Tint::kRed,
                          fmt::format("Service {} has no backend that is up.", visible(name))) +
             "\n";
  return print(
      words + (words.empty() ? "" : "\n") + backendsView(answer->value, argument(), style_), code);
}

CtlResult<CtlExit> CtlRunner::explain() {
  return show("/explain", line_.query(), [&](const JsonAnswer& answer) {
    if (json()) return print(answer.body);
    std::string out;
    const std::string text = answer.value.text("text");
    for (std::string_view one : splitWords(text, '\n')) out += visible(one) + "\n";
    return print(out);
  });
}

CtlResult<CtlExit> CtlRunner::metrics() {
  const CtlResult<CtlAnswer> answer = ask_.send({"GET", "/metrics", {}});
  if (!answer) return tl::unexpected(answer.error());
  if (!answer->isOk() || answer->type != "text/plain") return ask_.refusal("/metrics", *answer);
  return print(answer->body);
}

CtlResult<CtlExit> CtlRunner::probe(const std::string& path) {
  const CtlResult<CtlAnswer> answer = ask_.send({"GET", path, {}});
  if (!answer) return tl::unexpected(answer.error());
  if ((!answer->isOk() && answer->status != 503) || answer->type != "text/plain")
    return ask_.refusal(path, *answer);
  std::string out;
  for (std::string_view one : splitWords(answer->body, '\n')) out += visible(one) + "\n";
  return print(out, answer->isOk() ? kCtlDone : kCtlWrong);
}

CtlResult<CtlExit> CtlRunner::logLevel() {
  Query query = {{"level", argument()}};
  for (const auto& one : line_.query()) query.push_back(one);
  const CtlResult<JsonAnswer> answer = ask_.post("/log-level", query);
  if (!answer) return tl::unexpected(answer.error());
  if (json()) return print(answer->body);
  const std::string until = answer->value.text("until");
  return print(fmt::format("log level {}{}\n", shownText(answer->value, "level"),
                           until.empty() ? "" : " until " + timeWords(until)));
}

CtlResult<CtlExit> CtlRunner::signalInstead(const CtlFailure& failure) const {
  const pid_t pid = static_cast<pid_t>(std::stol(line_.value(CtlOption::kOrSignal)));
  if (::kill(pid, SIGHUP) != 0)
    return ctlFail(kCtlUnreachable, fmt::format("{}\n  Process {} does not get HUP either: {}",
                                                failure.text, pid, errnoText(errno)));
  return print(
      fmt::format("Nothing listens at {}; sent HUP to process {}. The log tells the result.\n",
                  line_.address.text(), pid));
}

CtlResult<CtlExit> CtlRunner::reload() {
  const CtlResult<JsonAnswer> answer = ask_.post("/reload", {}, {422});
  if (!answer) {
    const int error = answer.error().sysErrno;
    const bool nobody = error == ENOENT || error == ECONNREFUSED;
    if (nobody && line_.has(CtlOption::kOrSignal)) return signalInstead(answer.error());
    return tl::unexpected(answer.error());
  }
  if (answer->value["done"].isNull()) return ask_.misunderstood("/reload", "it has no result");
  const bool done = answer->value.flag("done");
  const CtlExit code = done ? kCtlDone : kCtlWrong;
  if (json()) return print(answer->body, code);
  const std::string text = reloadView(answer->value, done ? style_ : Style());
  if (done) return print(text);
  std::fputs(text.c_str(), stderr);
  return kCtlWrong;
}

CtlResult<CtlExit> CtlRunner::run() {
  switch (line_.command) {
    case CtlCommand::kStatus:
      return status();
    case CtlCommand::kServices:
      return services();
    case CtlCommand::kTunnels:
      return tunnels();
    case CtlCommand::kTop:
      return runTop(line_, style_);
    case CtlCommand::kCerts:
      return show("/certificates", {}, [&](const JsonAnswer& answer) {
        if (!answer.value["certificates"].isList())
          return CtlResult<CtlExit>(
              ask_.misunderstood("/certificates", "it has no list of certificates"));
        return print(json() ? answer.body : certificatesView(answer.value, style_));
      });
    case CtlCommand::kBackends:
      return backends();
    case CtlCommand::kExplain:
      return explain();
    case CtlCommand::kMetrics:
      return metrics();
    case CtlCommand::kLive:
      return probe("/live");
    case CtlCommand::kReady:
      return probe("/ready");
    case CtlCommand::kClose:
      return runClose(line_, ask_);
    case CtlCommand::kDrain:
      return runDrain(line_, ask_);
    case CtlCommand::kReload:
      return reload();
    case CtlCommand::kLogLevel:
      return logLevel();
  }
  return kCtlUsage;
}

CtlResult<CtlExit> generateFile(std::string_view what) {
  if (what == "man") return print(manCulvertctl());
  if (what == "completion") return print(bashCompletion());
  return ctlFail(kCtlUsage, fmt::format("--generate has no \"{}\"; allowed: man, completion",
                                        printable(what, 40)));
}

}  // namespace

Style terminalStyle() {
  const char *none = std::getenv("NO_COLOR"), *term = std::getenv("TERM");
  const bool wanted = none == nullptr || *none == '\0';
  const bool able = term != nullptr && std::string_view(term) != "dumb" && *term != '\0';
  return {wanted && able && ::isatty(STDOUT_FILENO) == 1};
}

CtlResult<CtlExit> runCtl(const CtlLine& line) {
  switch (line.action) {
    case CtlLine::Action::kHelp:
      return print(line.named ? ctlCommandHelp(commandInfo(line.command)) : ctlHelp());
    case CtlLine::Action::kVersion:
      return print(ctlVersion() + "\n");
    case CtlLine::Action::kGenerate:
      return generateFile(line.generate);
    case CtlLine::Action::kCommand:
      break;
  }
  return CtlRunner(line).run();
}

}  // namespace culvert
