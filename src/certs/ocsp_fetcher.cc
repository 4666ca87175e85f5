// SPDX-License-Identifier: GPL-3.0-or-later
// See ocsp_fetcher.h.
#include "certs/ocsp_fetcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <new>

#include "certs/ocsp_schedule.h"
#include "event/callback.h"
#include "tls/ocsp/ocsp_check.h"

namespace culvert {
namespace {

constexpr size_t kMostActive = 4;          // exchanges at once
constexpr unsigned kMostPerResponder = 2;  // exchanges at once per responder
constexpr Millis kBusyResponderWait{100};
constexpr Millis kMemoryPause{1000};
constexpr Millis kLookupLasts{10'000};  // a looked-up address is used for this long

// At the start and after a reload, many certificates may be new. culvert then fetches 20 responses
// a second on average.
constexpr size_t kAtOnce = 16;
constexpr Millis kSpreadEach{50};

constexpr std::string_view kRequestType = "application/ocsp-request";

AddressSpec specOf(const HttpUrl& url) {
  const std::string host =
      url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
  auto spec = parseAddress(fmt::format("{}:{}", host, url.port), AddressUse::kBackend);
  if (spec && spec->kind == AddressKind::kLiteral) return *spec;
  AddressSpec name;
  name.kind = AddressKind::kHostName;
  name.host = url.host;
  name.port = url.port;
  return name;
}

}  // namespace

struct OcspFetcher::Job {
  std::string key;
  OcspTask task;
  TimePoint due{};
  TimePoint begun{};  // when the look-up or exchange in progress began
  unsigned failures = 0;
  bool looking = false;       // the responder's host name is being resolved
  bool bareReported = false;  // culvert has logged that no response is left to serve
  AddressSet addresses;       // addresses of the responder's host name, for the next exchange
  TimePoint lookedUp{};
  std::unique_ptr<HttpPost> exchange;

  const Credentials& first() const { return *task.credentials.front(); }
  StapleSlot& slot() const { return first().staple(); }
  std::string server() const { return task.responder.authority(); }
};

struct OcspFetcher::Responder {
  unsigned active = 0;
  ResponderRest rest;
};

OcspFetcher::OcspFetcher(EventLoop& loop, Logger& logger, CounterBlock& counters,
                         std::function<void()> onLookupStart, Lookup lookup)
    : loop_(loop),
      logger_(logger),
      counters_(counters),
      postBox_(loop),
      timer_(loop, this, call<&OcspFetcher::onTimer>),
      lookup_({.onThreadStart = std::move(onLookupStart),
               .onAnswer =
                   [this](const std::string& host, uint16_t port, Result<AddressSet> answer) {
                     post([this, host, port, answer = std::move(answer)] {
                       guarded([&] { onLookup(host, port, answer); });
                     });
                   },
               .lookup = std::move(lookup)}) {}

OcspFetcher::~OcspFetcher() = default;

/// Runs `step`. If memory runs out, a job may be in no list, so a timer later places all jobs
/// again.
template <class Step>
void OcspFetcher::guarded(Step step) {
  try {
    step();
  } catch (const std::bad_alloc&) {
    running_ = false;
    starved_ = true;
    timer_.armBy(loop_.now() + kMemoryPause);
  }
}

void OcspFetcher::onTimer() {
  guarded([this] { following_ ? followNow() : run(); });
}

/// Counts the exchanges in progress again, and puts all jobs that have no exchange and no look-up
/// in progress into due_. With `lookAgain`, jobs with a look-up in progress go there, too, and
/// request the look-up again.
void OcspFetcher::placeAll(bool lookAgain) {
  active_ = 0;
  for (auto& [server, responder] : responders_) responder.active = 0;
  for (auto& [key, job] : jobs_) {
    if (job->exchange != nullptr && job->exchange->ended())
      loop_.deleteLater(std::move(job->exchange));
    if (lookAgain) job->looking = false;
    if (job->exchange != nullptr) {
      ++active_;
      ++responders_[job->server()].active;
    } else if (!job->looking) {
      due_.insert({job->due, job.get()});
    }
  }
  starved_ = false;
}

void OcspFetcher::follow(std::vector<OcspTask> tasks) {
  tasks_ = std::move(tasks);
  following_ = true;
  guarded([this] { followNow(); });
}

/// Applies the tasks of follow(). If memory runs out, the timer calls this again.
void OcspFetcher::followNow() {
  due_.clear();  // if memory runs out below, the list must not point to old jobs
  std::map<std::string, std::unique_ptr<Job>> before;
  before.swap(jobs_);
  size_t fresh = 0;
  for (const OcspTask& task : tasks_) {
    const std::string key =
        task.credentials.front()->leaf().fingerprint + " " + task.responder.text();
    if (jobs_.contains(key)) continue;
    std::unique_ptr<Job> job;
    if (auto known = before.find(key); known != before.end()) {
      job = std::move(known->second);
      before.erase(known);
      if (const auto held = job->slot().held()) {
        for (const auto& one : task.credentials)
          if (one->staple().held() == nullptr) one->staple().put(held, std::time(nullptr));
      }
    } else {
      job = std::make_unique<Job>();
      job->key = key;
      ++fresh;
    }
    job->task = task;
    jobs_.emplace(key, std::move(job));
  }
  for (auto& [key, job] : before) endExchange(*job);
  const double spread = fresh > kAtOnce ? static_cast<double>(fresh) : 0;
  for (auto& [key, job] : jobs_) {
    if (job->due == TimePoint{})
      schedule(*job, Millis(static_cast<int64_t>(dice() * spread * kSpreadEach.count())));
  }
  placeAll(/*lookAgain=*/false);
  following_ = false;
  tasks_ = {};
  run();
}

void OcspFetcher::schedule(Job& job, Millis delay) {
  due_.erase({job.due, &job});
  job.due = loop_.now() + std::min(delay, kLongestOcspWait);
  due_.insert({job.due, &job});
}

void OcspFetcher::run() {
  if (running_) return;  // an exchange that fails at once calls run() recursively
  if (starved_) placeAll(/*lookAgain=*/true);
  running_ = true;
  while (active_ < kMostActive && !due_.empty() && due_.begin()->first <= loop_.now()) {
    Job& job = *due_.begin()->second;
    due_.erase(due_.begin());
    if (mayStart(job)) begin(job);
  }
  running_ = false;
  if (active_ < kMostActive && !due_.empty()) timer_.armBy(due_.begin()->first);
}

/// Returns true if the job may start now. If not, postpones the job and drops its addresses,
/// because the addresses of the host may change meanwhile.
bool OcspFetcher::mayStart(Job& job) {
  const int64_t now = std::time(nullptr);
  const auto putOff = [&](Millis delay) {
    job.addresses.clear();
    schedule(job, delay);
    return false;
  };
  // The refresh may not be due any more, because a file has brought a newer response or the wall
  // clock was set.
  if (const auto held = job.slot().held(); held != nullptr && refreshPoint(*held, now) > now) {
    return putOff(delayAfterSuccess(*held, now, dice()));
  }
  const Responder& responder = responders_[job.server()];
  if (responder.rest.until() > loop_.now()) {
    const auto rest = std::chrono::ceil<Millis>(responder.rest.until() - loop_.now());
    return putOff(rest + Millis(static_cast<int64_t>(dice() * 1000)));
  }
  if (job.lookedUp + kLookupLasts < loop_.now()) job.addresses.clear();
  if (responder.active >= kMostPerResponder) {
    schedule(job, kBusyResponderWait + Millis(static_cast<int64_t>(dice() * 100)));
    return false;
  }
  return true;
}

void OcspFetcher::begin(Job& job) {
  job.begun = loop_.now();
  const AddressSpec spec = specOf(job.task.responder);
  if (spec.kind == AddressKind::kLiteral) return exchange(job, {spec.address});
  if (!job.addresses.empty()) return exchange(job, std::exchange(job.addresses, {}));
  // A job that waits for a look-up does not count as active.
  job.looking = true;
  for (const auto& [key, other] : jobs_) {
    if (other->looking && other.get() != &job && other->server() == job.server()) return;
  }
  if (auto asked = lookup_.ask(spec.host, spec.port); !asked)
    failed(job, asked.error().text, false);
}

void OcspFetcher::onLookup(const std::string& host, uint16_t port,
                           const Result<AddressSet>& answer) {
  for (auto& [key, job] : jobs_) {
    const HttpUrl& url = job->task.responder;
    if (!job->looking || url.host != host || url.port != port) continue;
    if (!answer) {
      failed(*job, answer.error().text, true);
      continue;
    }
    job->looking = false;
    job->addresses = *answer;
    job->lookedUp = loop_.now();
    schedule(*job, Millis{0});
  }
  run();
}

void OcspFetcher::exchange(Job& job, AddressSet addresses) {
  const auto request = makeOcspRequest(job.first());
  if (!request) return failed(job, request.error().text, false);
  HttpLimits limits;
  limits.maxBody = kMaxOcspResponse;
  job.exchange = std::make_unique<HttpPost>(
      loop_, job.task.responder, kRequestType, *request, std::move(addresses), limits,
      [this, &job](HttpResult result) { guarded([&] { onAnswer(job, std::move(result)); }); });
  ++active_;
  ++responders_[job.server()].active;
  job.exchange->start();
}

void OcspFetcher::onAnswer(Job& job, HttpResult result) {
  if (!result)
    return failed(job, fmt::format("{} {}", job.server(), result.error().text),
                  result.error().silent);
  auto staple = checkOcspResponse(job.first(), *result, std::time(nullptr));
  if (!staple) return failed(job, "the response " + staple.error().text, false);
  responders_[job.server()].rest.onAnswer();
  store(job, std::move(*staple));
}

void OcspFetcher::store(Job& job, std::shared_ptr<const Staple> staple) {
  const int64_t now = std::time(nullptr);
  const auto before = job.slot().held();
  for (const auto& one : job.task.credentials) one->staple().put(staple, now);
  staple = job.slot().held();  // the response of the file, if it is newer than the responder's
                               // response
  counters_.add(Counter::kOcspFetchesOk);
  if (staple->revoked) counters_.add(Counter::kOcspRevoked);
  const bool news = staple->revoked && (before == nullptr || !before->revoked);
  const bool recovered = job.failures != 0;
  logger_.log(LogLine(news        ? LogLevel::kErr
                      : recovered ? LogLevel::kNotice
                                  : LogLevel::kInfo,
                      news ? "OCSP: the certificate is revoked" : "OCSP response fetched")
                  .add("certificate", job.first().certPath())
                  .add("responder", job.task.responder.text())
                  .add("status", staple->revoked ? "revoked" : "good")
                  .add("valid_until", utcText(staple->validUntil)));
  job.failures = 0;
  job.bareReported = false;
  const Millis delay = delayAfterSuccess(*staple, now, dice());
  scheduleNext(job, delay);
}

void OcspFetcher::failed(Job& job, const std::string& why, bool silent) {
  const int64_t now = std::time(nullptr);
  ++job.failures;
  counters_.add(Counter::kOcspFetchesFailed);
  for (const auto& one : job.task.credentials) one->staple().setTrouble(why);
  ResponderRest& rest = responders_[job.server()].rest;
  if (silent) {
    rest.onSilence(job.begun, loop_.now(), dice());
  } else {
    rest.onAnswer();
  }

  const auto serving = job.slot().serving(now);
  const Millis delay = delayAfterFailure(job.failures, serving.get(), now, dice());
  const bool bare = serving == nullptr && !job.bareReported;
  job.bareReported = serving == nullptr;
  const bool loud = job.failures == 1 || bare;
  const bool missed = serving == nullptr && job.first().leaf().mustStaple;
  logger_.log(LogLine(!loud    ? LogLevel::kInfo
                      : missed ? LogLevel::kErr
                               : LogLevel::kWarning,
                      missed ? "OCSP: no response for a certificate that demands one (must-staple)"
                             : "OCSP response not fetched")
                  .add("certificate", job.first().certPath())
                  .add("responder", job.task.responder.text())
                  .add("error", why)
                  .add("served", serving == nullptr
                                     ? std::string("none")
                                     : "the last one, until " + utcText(serving->validUntil))
                  .addMillis("next_try_ms", delay));
  scheduleNext(job, delay);
}

/// Ends the job's look-up or exchange. An exchange is deleted after the turn, because the exchange
/// may have called this function.
void OcspFetcher::endExchange(Job& job) {
  job.looking = false;
  if (job.exchange == nullptr) return;
  job.exchange->cancel();
  loop_.deleteLater(std::move(job.exchange));
  --active_;
  --responders_[job.server()].active;
}

void OcspFetcher::scheduleNext(Job& job, Millis delay) {
  endExchange(job);
  schedule(job, delay);
  run();
}

}  // namespace culvert
