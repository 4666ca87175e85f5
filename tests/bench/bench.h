// SPDX-License-Identifier: GPL-3.0-or-later
// What the load client and the plain backend share: options, epoll, a latency histogram, and the
// CPU time of other processes. Every failure of the set-up ends the program with a message: a
// benchmark has nobody to recover for.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

namespace culvert::bench {

[[noreturn]] inline void die(const std::string& what) {
  std::fprintf(stderr, "bench: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

inline uint64_t nowNs() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000000u + static_cast<uint64_t>(t.tv_nsec);
}

/// `--name value` pairs.
class Options {
 public:
  Options(int argc, char** argv) {
    for (int i = 1; i + 1 < argc; i += 2) values_[argv[i]] = argv[i + 1];
  }
  std::string text(const std::string& name, const std::string& fallback) const {
    const auto it = values_.find("--" + name);
    return it == values_.end() ? fallback : it->second;
  }
  double number(const std::string& name, double fallback) const {
    const auto it = values_.find("--" + name);
    return it == values_.end() ? fallback : std::strtod(it->second.c_str(), nullptr);
  }

 private:
  std::map<std::string, std::string> values_;
};

inline void raiseFileLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/// 127.0.0.1, or the address so many above it.
inline sockaddr_in loopback(uint16_t port, uint32_t offset = 0) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK + offset);
  a.sin_port = htons(port);
  return a;
}

inline void setNoDelay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// Level-triggered epoll; `data` comes back with the event.
class Epoll {
 public:
  Epoll() : fd_(epoll_create1(EPOLL_CLOEXEC)) {
    if (fd_ < 0) die("epoll_create1");
  }
  ~Epoll() { close(fd_); }
  Epoll(const Epoll&) = delete;
  Epoll& operator=(const Epoll&) = delete;

  void add(int fd, uint32_t events, void* data) { control(EPOLL_CTL_ADD, fd, events, data); }
  void change(int fd, uint32_t events, void* data) { control(EPOLL_CTL_MOD, fd, events, data); }

  template <class OnEvent>
  void turn(int timeoutMs, OnEvent onEvent) {
    const int n = epoll_wait(fd_, events_.data(), static_cast<int>(events_.size()), timeoutMs);
    for (int i = 0; i < n; ++i) onEvent(events_[i].data.ptr, events_[i].events);
  }

 private:
  void control(int op, int fd, uint32_t events, void* data) {
    epoll_event e{};
    e.events = events;
    e.data.ptr = data;
    if (epoll_ctl(fd_, op, fd, &e) != 0) die("epoll_ctl");
  }
  int fd_;
  std::array<epoll_event, 256> events_{};
};

/// Latencies by powers of two, each cut into 64: below two percent of error, no allocation.
class Histogram {
 public:
  void add(uint64_t ns) {
    ++counts_[indexOf(ns)];
    ++total_;
  }
  void add(const Histogram& other) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
  }
  /// Upper bound of the bucket that holds the quantile `q`, in microseconds.
  double quantileUs(double q) const {
    const auto wanted = static_cast<uint64_t>(q * static_cast<double>(total_));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted) return static_cast<double>(valueOf(i)) / 1000.0;
    }
    return 0;
  }
  uint64_t total() const { return total_; }

 private:
  static size_t indexOf(uint64_t ns) {
    if (ns < 64) return ns;
    const auto shift = static_cast<unsigned>(63 - __builtin_clzll(ns)) - 6;
    return (static_cast<size_t>(shift) + 1) * 64 + ((ns >> shift) - 64);
  }
  static uint64_t valueOf(size_t index) {
    if (index < 64) return index;
    const size_t shift = index / 64 - 1;
    return (index % 64 + 65) << shift;
  }
  std::array<uint64_t, 64 * 60> counts_{};
  uint64_t total_ = 0;
};

}  // namespace culvert::bench
