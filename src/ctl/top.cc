// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/top.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include "base/standard_streams.h"
#include "ctl/terminal.h"
#include "ctl/top_fetcher.h"
#include "ctl/words_of.h"

namespace culvert {

namespace {

constexpr Millis kInterval{2000};
constexpr Millis kRetry{1000};
constexpr Millis kEscapeWait{50};

/// True if the locale of the terminal is UTF-8, by the usual variables.
bool isUnicode() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view text = value;
    return text.find("UTF-8") != std::string_view::npos ||
           text.find("utf8") != std::string_view::npos;
  }
  return false;
}

CtlAsk::Query tunnelQuery(const CtlLine& line, TopSort sort) {
  CtlAsk::Query query = line.query();
  if (!line.has(CtlOption::kLimit)) query.emplace_back("limit", "1000");
  // Only if there are more tunnels than the limit does it matter which of them the daemon sends.
  query.emplace_back("sort", sort == TopSort::kRate ? "bytes" : std::string(topSortName(sort)));
  return query;
}

/// The live table. Thread: main.
class TopLoop {
 public:
  TopLoop(const CtlLine& line, const Style& style, TopModel& model, CtlAsk::Query query)
      : model_(model), fetcher_(line, std::move(query)), style_(style) {
    if (line.has(CtlOption::kInterval))
      interval_ = *parseTimeSpan(line.value(CtlOption::kInterval));
  }

  CtlResult<CtlExit> run();

 private:
  bool wait();  // returns false if the program has to end
  bool readKeys();
  bool takeKeys(const std::vector<Key>& keys);
  bool readSignals();
  void readOutcomes();
  void draw(bool clear = false) { terminal_.draw(model_.frame(Terminal::size(), style_), clear); }

  TopModel& model_;
  TopFetcher fetcher_;
  Terminal terminal_;
  KeyReader keys_;
  Style style_;
  Millis interval_ = kInterval;
  TimePoint next_ = Clock::now() + kInterval;
  int endSignal_ = 0;
};

CtlResult<CtlExit> TopLoop::run() {
  // Signals are blocked before the thread starts: only this one receives them.
  if (Result<void> entered = terminal_.enter(); !entered)
    return ctlFail(kCtlWrong, entered.error().text);
  if (Result<void> started = fetcher_.start(); !started) {
    terminal_.leave();
    return ctlFail(kCtlWrong, started.error().text);
  }
  draw(true);
  while (wait()) {
  }
  terminal_.leave();
  if (endSignal_ == 0) return kCtlDone;
  // The parent has to see that a signal ended culvertctl.
  std::signal(endSignal_, SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, endSignal_);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  std::raise(endSignal_);
  return kCtlDone;
}

bool TopLoop::wait() {
  if (Clock::now() >= next_) {
    fetcher_.refresh();
    next_ = Clock::now() + interval_;
  }
  std::array<pollfd, 3> all{pollfd{STDIN_FILENO, POLLIN, 0},
                            pollfd{terminal_.signalFd(), POLLIN, 0},
                            pollfd{fetcher_.outcomeFd(), POLLIN, 0}};
  Millis left = std::max(std::chrono::ceil<Millis>(next_ - Clock::now()), Millis(0));
  if (keys_.waits()) left = std::min(left, kEscapeWait);
  const int ready = ::poll(all.data(), all.size(), static_cast<int>(left.count()));
  if (ready < 0) return errno == EINTR;
  if (ready == 0) return !keys_.waits() || takeKeys(keys_.flush());
  if (all[1].revents != 0 && !readSignals()) return false;
  if (all[2].revents != 0) readOutcomes();
  return all[0].revents == 0 || readKeys();
}

bool TopLoop::readKeys() {
  std::array<char, 256> buffer;
  const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  if (count == 0) return false;  // the terminal is gone
  return takeKeys(keys_.feed({buffer.data(), static_cast<size_t>(count)}));
}

bool TopLoop::takeKeys(const std::vector<Key>& keys) {
  bool clear = false;
  for (const Key& key : keys) {
    TopStep step = model_.onKey(key);
    if (step.kind == TopStep::Kind::kQuit) return false;
    if (step.kind == TopStep::Kind::kSuspend) terminal_.suspend();
    clear = clear || step.kind == TopStep::Kind::kClear || step.kind == TopStep::Kind::kSuspend;
    if (step.kind == TopStep::Kind::kClose) fetcher_.closeTunnel(std::move(step.id));
  }
  draw(clear);
  return true;
}

bool TopLoop::readSignals() {
  bool clear = false;
  while (const int number = terminal_.takeSignal()) {
    if (number == SIGTSTP) terminal_.suspend();
    if (number == SIGTSTP || number == SIGWINCH || number == SIGCONT) {
      clear = true;
      continue;
    }
    endSignal_ = number;
    return false;
  }
  draw(clear);
  return true;
}

void TopLoop::readOutcomes() {
  while (std::optional<TopFetcher::Outcome> outcome = fetcher_.takeOutcome()) {
    if (auto* data = std::get_if<TopData>(&*outcome)) {
      model_.update(std::move(*data));
    } else if (auto* failure = std::get_if<CtlFailure>(&*outcome)) {
      model_.lost(failure->text.substr(0, failure->text.find('\n')));
      next_ = std::min(next_, Clock::now() + kRetry);
    } else {
      model_.say(std::get<TopFetcher::Closed>(*outcome).words);
      next_ = Clock::now();
    }
  }
  draw();
}

}  // namespace

CtlResult<CtlExit> runTop(const CtlLine& line, const Style& style) {
  const TopSort sort = topSortOf(line.value(CtlOption::kTopSort));
  TopModel model(sort, isUnicode());
  const CtlAsk::Query query = tunnelQuery(line, sort);
  // The first answer comes before the screen changes, so that a wrong address or filter is an error.
  CtlResult<TopData> first = fetchTopData(CtlAsk(line.address, line.timeout), query);
  if (!first) return tl::unexpected(first.error());
  model.update(std::move(*first));
  const bool terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  if (terminal && !line.has(CtlOption::kOnce)) return TopLoop(line, style, model, query).run();
  std::string out;
  for (const std::string& one : model.wholeFrame(style)) out += one + "\n";
  return printOut(out) ? kCtlDone : kCtlWrong;
}

}  // namespace culvert
