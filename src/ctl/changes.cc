// SPDX-License-Identifier: GPL-3.0-or-later
// `culvertctl close` and `drain`: the question, the requests, and --wait.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "base/ascii.h"
#include "base/standard_streams.h"
#include "ctl/ask.h"
#include "ctl/views.h"
#include "ctl/words_of.h"

namespace culvert {

namespace {

constexpr Millis kWaitStep{250};

CtlExit printed(std::string_view text, CtlExit code) { return printOut(text) ? code : kCtlWrong; }

/// Asks if standard input and standard error are a terminal; else there is nobody to ask.
bool agreed(const CtlLine& line, const std::string& question) {
  if (line.has(CtlOption::kYes) || ::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1)
    return true;
  std::fputs((question + " [y/N] ").c_str(), stderr);
  std::string answer;
  for (int c = std::fgetc(stdin); c != EOF && c != '\n'; c = std::fgetc(stdin))
    answer += static_cast<char>(c);
  return equalNoCase(answer, "y") || equalNoCase(answer, "yes");
}

CtlResult<CtlExit> closeByIds(const CtlLine& line, const CtlAsk& ask) {
  const bool json = line.has(CtlOption::kJson);
  const bool several = line.arguments.size() > 1;
  std::string bodies;
  double closed = 0;
  CtlExit code = kCtlDone;
  for (const std::string& id : line.arguments) {
    const CtlResult<JsonAnswer> answer = ask.post("/tunnels/" + percentEncode(id) + "/close", {});
    if (!answer && !CtlAsk::isMissing(answer.error())) return tl::unexpected(answer.error());
    if (!answer || answer->value.count("closed") == 0) {
      printLine(stderr, fmt::format("culvertctl: there is no tunnel {}", id));
      code = kCtlWrong;
      continue;
    }
    closed += answer->value.count("closed");
    bodies += (bodies.empty() ? "" : ",") + answer->body;
  }
  if (json) return printed(several || bodies.empty() ? "[" + bodies + "]\n" : bodies, code);
  if (closed == 0) return code;
  return printed(plural(closed, "tunnel") + " closed\n", code);
}

CtlResult<std::string> closeQuestion(const CtlLine& line, const CtlAsk& ask) {
  CtlAsk::Query query = line.query();
  std::erase_if(query, [](const auto& one) { return one.first == "all"; });
  query.emplace_back("limit", "10000");
  const CtlResult<JsonAnswer> answer = ask.get("/tunnels", std::move(query));
  if (!answer) return tl::unexpected(answer.error());
  const auto shown = static_cast<double>(answer->value.items("tunnels").size());
  const double matched = std::max(shown, answer->value.count("matched"));
  return fmt::format("Close {}{}?", answer->value.flag("more") ? "at least " : "",
                     plural(matched, "tunnel"));
}

CtlResult<CtlExit> closeByFilter(const CtlLine& line, const CtlAsk& ask) {
  if (!line.has(CtlOption::kYes) && ::isatty(STDIN_FILENO) == 1) {
    const CtlResult<std::string> question = closeQuestion(line, ask);
    if (!question) return tl::unexpected(question.error());
    if (!agreed(line, *question)) return ctlFail(kCtlWrong, "nothing is closed");
  }
  const CtlResult<JsonAnswer> answer = ask.post("/tunnels/close", line.query());
  if (!answer) return tl::unexpected(answer.error());
  if (!answer->value["closed"].number())
    return ask.misunderstood("/tunnels/close", "it has no number of closed tunnels");
  const double closed = answer->value.count("closed");
  const CtlExit code = closed == 0 ? kCtlWrong : kCtlDone;
  if (line.has(CtlOption::kJson)) return printed(answer->body, code);
  return printed(closed == 0 ? "No tunnel matches.\n" : plural(closed, "tunnel") + " closed\n",
                 code);
}

/// The tunnels that are left, or nothing if the daemon or the service is gone.
CtlResult<std::optional<double>> tunnelsLeft(const std::string& service, const CtlAsk& ask) {
  const CtlResult<JsonAnswer> answer =
      service.empty() ? ask.get("/status", {}) : ask.get("/services", {{"service", service}});
  if (!answer) {
    const CtlFailure& failure = answer.error();
    const bool gone = failure.code == kCtlUnreachable && failure.sysErrno != ETIMEDOUT &&
                      failure.sysErrno != EACCES;
    // The daemon can also stop in the middle of its answer.
    if (gone || failure.code == kCtlAnswer || CtlAsk::isMissing(failure))
      return std::optional<double>();
    return tl::unexpected(failure);
  }
  if (service.empty()) return answer->value["tunnels"].number("open");
  const std::vector<JsonValue>& list = answer->value.items("services");
  return list.empty() ? std::optional<double>() : list.front().number("tunnels");
}

CtlResult<CtlExit> waitForTunnels(const std::string& service, const CtlAsk& ask, bool silent) {
  const bool terminal = !silent && ::isatty(STDERR_FILENO) == 1;
  double before = -1;
  for (;;) {
    const CtlResult<std::optional<double>> left = tunnelsLeft(service, ask);
    if (!left) return tl::unexpected(left.error());
    if (!*left || **left == 0) {
      if (terminal && before >= 0) std::fputs("\n", stderr);
      const std::string_view end = *left             ? "All tunnels have ended.\n"
                                   : service.empty() ? "culvert has stopped.\n"
                                                     : "The service is gone.\n";
      return silent ? kCtlDone : printed(end, kCtlDone);
    }
    if (terminal && **left != before)
      std::fputs(fmt::format("\r\x1b[K{} left", plural(**left, "tunnel")).c_str(), stderr);
    before = **left;
    std::this_thread::sleep_for(kWaitStep);
  }
}

}  // namespace

CtlResult<CtlExit> runClose(const CtlLine& line, const CtlAsk& ask) {
  return line.arguments.empty() ? closeByFilter(line, ask) : closeByIds(line, ask);
}

CtlResult<CtlExit> runDrain(const CtlLine& line, const CtlAsk& ask) {
  const std::string service = line.arguments.empty() ? "" : line.arguments.front();
  if (service.empty() && !agreed(line, "culvert will accept no new clients, and stop. Drain it?"))
    return ctlFail(kCtlWrong, "nothing is drained");
  const std::string path =
      service.empty() ? "/drain" : "/services/" + percentEncode(service) + "/drain";
  const CtlResult<JsonAnswer> answer = ask.post(path, {});
  if (!answer) return tl::unexpected(answer.error());
  const bool json = line.has(CtlOption::kJson);
  const CtlExit code = printed(json ? answer->body : drainView(answer->value), kCtlDone);
  if (code != kCtlDone || !line.has(CtlOption::kWait)) return code;
  return waitForTunnels(service, ask, json);
}

}  // namespace culvert
