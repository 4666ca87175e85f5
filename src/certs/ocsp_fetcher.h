// SPDX-License-Identifier: GPL-3.0-or-later
// OcspFetcher keeps the OCSP responses (RFC 6960) of certificates recent. When a response is due,
// OcspFetcher sends a request to the responder, and has only a few requests in progress at a time.
// It stores verified responses with the certificate. It pauses requests to a responder that does
// not answer, so that other responders are not delayed. Thread: loop.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "event/event_loop.h"
#include "event/post_box.h"
#include "http/http_post.h"
#include "log/logger.h"
#include "net/host_lookup.h"
#include "stats/counters.h"
#include "tls/credentials/credentials.h"

namespace culvert {

/// One certificate to fetch responses for.
struct OcspTask {
  /// The certificate's Credentials objects, one object for each service that loaded this leaf and
  /// issuer; not empty.
  std::vector<std::shared_ptr<const Credentials>> credentials;
  HttpUrl responder;
  bool operator==(const OcspTask&) const = default;
};

class OcspFetcher {
 public:
  using Lookup = decltype(HostLookupOptions::lookup);
  /// `onLookupStart` runs first in the thread that resolves host names, if such a thread is needed.
  OcspFetcher(EventLoop& loop, Logger& logger, CounterBlock& counters,
              std::function<void()> onLookupStart, Lookup lookup = resolveHost);
  ~OcspFetcher();
  OcspFetcher(const OcspFetcher&) = delete;
  OcspFetcher& operator=(const OcspFetcher&) = delete;

  Result<void> open() { return postBox_.open(); }
  /// Replaces the tasks. Tasks that continue keep their schedule, and tasks that are not in `tasks`
  /// are cancelled.
  void follow(std::vector<OcspTask> tasks);
  /// Runs `message` on the loop. Thread: any.
  void post(std::function<void()> message) { postBox_.post(std::move(message)); }

 private:
  struct Job;
  struct Responder;
  using DueList = std::set<std::pair<TimePoint, Job*>>;

  template <class Step>
  void guarded(Step step);
  void placeAll(bool lookAgain);
  void followNow();
  void onTimer();
  void schedule(Job& job, Millis delay);
  void run();
  bool mayStart(Job& job);
  void begin(Job& job);
  void onLookup(const std::string& host, uint16_t port, const Result<AddressSet>& answer);
  void exchange(Job& job, AddressSet addresses);
  void onAnswer(Job& job, HttpResult result);
  void store(Job& job, std::shared_ptr<const Staple> staple);
  void failed(Job& job, const std::string& why, bool silent);
  void endExchange(Job& job);
  void scheduleNext(Job& job, Millis delay);
  double dice() { return std::uniform_real_distribution<>(0, 1)(random_); }

  EventLoop& loop_;
  Logger& logger_;
  CounterBlock& counters_;
  PostBox postBox_;
  std::minstd_rand random_{std::random_device{}()};
  std::map<std::string, std::unique_ptr<Job>> jobs_;
  std::map<std::string, Responder> responders_;
  DueList due_;
  size_t active_ = 0;
  bool running_ = false;
  std::vector<OcspTask> tasks_;  // new tasks, until followNow() has used them
  bool following_ = false;       // followNow() has not finished
  bool starved_ = false;         // memory ran out, so a job may be in no list
  Timer timer_;
  HostLookup lookup_;  // last member, because its thread posts into postBox_
};

}  // namespace culvert
