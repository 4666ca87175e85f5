// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/top_fetcher.h"

#include <fmt/format.h>
#include <sys/eventfd.h>

#include <cerrno>

#include "base/thread.h"

namespace culvert {

namespace {

constexpr Millis kTopTimeout{5000};

void signalFd(int fd) {
  const uint64_t one = 1;
  while (::write(fd, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

}  // namespace

CtlResult<TopData> fetchTopData(const CtlAsk& ask, const CtlAsk::Query& tunnelQuery) {
  CtlResult<JsonAnswer> status = ask.get("/status", {});
  if (!status) return tl::unexpected(status.error());
  CtlResult<JsonAnswer> tunnels = ask.get("/tunnels", tunnelQuery);
  if (!tunnels) return tl::unexpected(tunnels.error());
  if (!tunnels->value["tunnels"].isList())
    return ask.misunderstood("/tunnels", "it has no list of tunnels");
  // The time of the counts, not the time after /history.
  TopData data{std::move(status->value), std::move(tunnels->value), {}, Clock::now()};
  CtlResult<JsonAnswer> history = ask.get("/history", {});
  if (!history) return tl::unexpected(history.error());
  data.history = std::move(history->value);
  return data;
}

TopFetcher::TopFetcher(const CtlLine& line, CtlAsk::Query tunnelQuery)
    : cancelFd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      outcomeFd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      ask_(line.address, line.timeout.value_or(kTopTimeout), cancelFd_.get()),
      query_(std::move(tunnelQuery)) {}

TopFetcher::~TopFetcher() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (cancelFd_) signalFd(cancelFd_.get());
  if (thread_.joinable()) thread_.join();
}

Result<void> TopFetcher::start() {
  if (!cancelFd_ || !outcomeFd_) return fail("eventfd: no descriptor is left");
  Result<std::thread> thread = startThread("culvertctl-top", {}, [this] { run(); });
  if (!thread) return tl::unexpected(thread.error());
  thread_ = std::move(*thread);
  return {};
}

void TopFetcher::refresh() {
  {
    const std::lock_guard lock(mutex_);
    if (refreshing_) return;
    refreshing_ = true;
    wanted_.emplace_back();
  }
  wake_.notify_one();
}

void TopFetcher::closeTunnel(std::string id) {
  {
    const std::lock_guard lock(mutex_);
    wanted_.push_back(std::move(id));
  }
  wake_.notify_one();
}

std::optional<TopFetcher::Outcome> TopFetcher::takeOutcome() {
  const std::lock_guard lock(mutex_);
  if (outcomes_.empty()) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(outcomeFd_.get(), &count, sizeof count);
    return std::nullopt;
  }
  Outcome first = std::move(outcomes_.front());
  outcomes_.pop_front();
  return first;
}

TopFetcher::Outcome TopFetcher::work(const std::string& id) {
  if (id.empty()) {
    CtlResult<TopData> data = fetchTopData(ask_, query_);
    if (!data) return data.error();
    return std::move(*data);
  }
  const CtlResult<JsonAnswer> answer = ask_.post("/tunnels/" + percentEncode(id) + "/close", {});
  if (!answer) return Closed{fmt::format("tunnel {}: {}", id, answer.error().text)};
  return Closed{answer->value.count("closed") == 0 ? fmt::format("there is no tunnel {}", id)
                                                   : fmt::format("tunnel {} closed", id)};
}

void TopFetcher::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !wanted_.empty(); });
    if (stopping_) return;
    const std::string id = std::move(wanted_.front());
    wanted_.pop_front();
    lock.unlock();
    Outcome outcome = work(id);
    lock.lock();
    if (id.empty()) refreshing_ = false;
    outcomes_.push_back(std::move(outcome));
    signalFd(outcomeFd_.get());
  }
}

}  // namespace culvert
