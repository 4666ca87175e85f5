// SPDX-License-Identifier: GPL-3.0-or-later
// See tunnel_gather.h.
#include "admin/tunnel_gather.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>

namespace culvert {
namespace {

constexpr Millis kRateMemory{30'000};
constexpr Millis kRateInterval{200};
constexpr size_t kMostRemembered = 20'000;

/// What the workers have answered so far. Only the thread of `home` changes it.
template <class Answer, class Done>
struct Gathering {
  size_t left;
  Done done;
  std::vector<Answer> answers{};

  void add(Answer answer) {
    answers.push_back(std::move(answer));
    if (--left == 0) done(std::move(answers));
  }
};

/// The function that a worker calls with its answer.
template <class Answer, class Done>
auto collector(PostBox& home, std::shared_ptr<Gathering<Answer, Done>> all) {
  return [&home, all = std::move(all)](Answer answer) {
    home.post([all, answer = std::move(answer)]() mutable { all->add(std::move(answer)); });
  };
}

}  // namespace

void gatherTunnels(const std::vector<Worker*>& workers, PostBox& home, const TunnelQuery& query,
                   TunnelsListed done) {
  auto finish = [limit = query.limit, done = std::move(done)](std::vector<TunnelAnswer> answers) {
    done(mergeAnswers(std::move(answers), limit));
  };
  using All = Gathering<TunnelAnswer, decltype(finish)>;
  const auto all = std::make_shared<All>(All{workers.size(), std::move(finish)});
  for (Worker* worker : workers) worker->listTunnels(query, collector(home, all));
}

void closeTunnels(const std::vector<Worker*>& workers, PostBox& home, const TunnelQuery& query,
                  TunnelsClosed done) {
  auto finish = [done = std::move(done)](const std::vector<uint64_t>& counts) {
    uint64_t sum = 0;
    for (const uint64_t count : counts) sum += count;
    done(sum);
  };
  using All = Gathering<uint64_t, decltype(finish)>;
  const auto all = std::make_shared<All>(All{workers.size(), std::move(finish)});
  for (Worker* worker : workers) worker->closeTunnels(query, collector(home, all));
}

TunnelAnswer mergeAnswers(std::vector<TunnelAnswer> answers, size_t limit) {
  TunnelAnswer all;
  for (TunnelAnswer& one : answers) {
    all.matched += one.matched;
    all.more = all.more || one.more;
    std::ranges::move(one.rows, std::back_inserter(all.rows));
  }
  std::ranges::sort(all.rows, [](const TunnelRow& a, const TunnelRow& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.id < b.id;
  });
  if (all.rows.size() > limit) {
    all.rows.resize(limit);
    all.more = true;
  }
  return all;
}

std::optional<TunnelRates::Rates> TunnelRates::next(const TunnelRow& row, TimePoint now) {
  Seen& seen = seen_[row.id];
  const auto passed = std::chrono::duration_cast<Millis>(now - seen.at);
  if (seen.at != TimePoint{} && passed < kRateInterval) return seen.rates;
  if (seen.at != TimePoint{} && passed <= kRateMemory) {
    const auto rate = [&](uint64_t before, uint64_t bytes) {
      return bytes < before ? 0 : (bytes - before) * 1000 / static_cast<uint64_t>(passed.count());
    };
    seen.rates = Rates{rate(seen.in, row.bytesIn), rate(seen.out, row.bytesOut)};
  } else {
    seen.rates.reset();
  }
  seen.at = now;
  seen.in = row.bytesIn;
  seen.out = row.bytesOut;
  return seen.rates;
}

void TunnelRates::prune(TimePoint now) {
  if (seen_.size() > kMostRemembered) return seen_.clear();
  std::erase_if(seen_, [now](const auto& one) { return now - one.second.at > kRateMemory; });
}

std::string tunnelsJson(const TunnelAnswer& answer, TunnelRates& rates, TimePoint now) {
  std::string out = "{\"tunnels\":[";
  out.reserve(answer.rows.size() * 640 + 64);
  for (const TunnelRow& row : answer.rows) {
    if (&row != &answer.rows.front()) out += ',';
    const auto rate = rates.next(row, now);
    const auto to = std::back_inserter(out);
    out += '{' + row.fields;
    if (rate)
      fmt::format_to(to, ",\"rate_in\":{},\"rate_out\":{}}}", rate->in, rate->out);
    else
      out += ",\"rate_in\":null,\"rate_out\":null}";
  }
  rates.prune(now);
  const uint64_t after = answer.rows.empty() ? 0 : answer.rows.back().id;
  fmt::format_to(std::back_inserter(out), "],\"matched\":{},\"more\":{},\"after\":{}}}",
                 answer.matched, answer.more, after);
  return out;
}

}  // namespace culvert
