// SPDX-License-Identifier: GPL-3.0-or-later
// The plaintext backend of the benchmark: four loopback ports that echo, send without end, swallow,
// or send and swallow at once. Prints `name port` a line when all are bound; ends when its standard
// input does.
//
// usage: backend [--processes N] [--addresses N]
//
// --processes: so many accept from the same sockets. --addresses: the port that echoes is bound on
// 127.0.0.1 to 127.0.0.N, so that each address has ephemeral ports of its own.
#include <memory>
#include <vector>

#include "bench.h"

namespace culvert::bench {
namespace {

enum class Kind { kEcho, kSource, kSink, kDuplex };
constexpr std::array<const char*, 4> kNames{"echo", "source", "sink", "duplex"};
constexpr size_t kBuffer = 256 * 1024;

std::array<char, kBuffer> scratch;
std::array<char, kBuffer> payload;

struct Handler {
  virtual ~Handler() = default;
  /// False: the handler is to be deleted.
  virtual bool onEvent(uint32_t events) = 0;
};

class Connection : public Handler {
 public:
  Connection(Epoll& epoll, int fd, Kind kind) : epoll_(epoll), fd_(fd), kind_(kind) {
    events_ = kind == Kind::kSource || kind == Kind::kDuplex ? EPOLLIN | EPOLLOUT : EPOLLIN;
    epoll_.add(fd_, events_, this);
  }
  ~Connection() override { close(fd_); }

  bool onEvent(uint32_t events) override {
    if ((events & EPOLLERR) != 0) return false;
    if ((events & (EPOLLIN | EPOLLHUP)) != 0 && !receive()) return false;
    return (events & EPOLLOUT) == 0 || transmit();
  }

 private:
  bool receive() {
    if (kind_ == Kind::kEcho && !pending_.empty()) return true;
    // MSG_TRUNC: the kernel throws the bytes away without copying them.
    const int flags = kind_ == Kind::kEcho ? 0 : MSG_TRUNC;
    const ssize_t n = recv(fd_, scratch.data(), scratch.size(), flags);
    if (n == 0) return false;
    if (n < 0) return errno == EAGAIN;
    if (kind_ != Kind::kEcho) return true;
    return echo({scratch.data(), static_cast<size_t>(n)});
  }

  bool echo(std::string_view bytes) {
    const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) return false;
    pending_.assign(bytes.substr(n < 0 ? 0 : static_cast<size_t>(n)));
    want(pending_.empty() ? EPOLLIN : EPOLLOUT);
    return true;
  }

  bool transmit() {
    if (kind_ == Kind::kEcho) return echo(std::string(pending_));
    return send(fd_, payload.data(), payload.size(), MSG_NOSIGNAL) >= 0 || errno == EAGAIN;
  }

  void want(uint32_t events) {
    if (events == events_) return;
    events_ = events;
    epoll_.change(fd_, events_, this);
  }

  Epoll& epoll_;
  const int fd_;
  const Kind kind_;
  uint32_t events_;
  std::string pending_;
};

struct Listening {
  int fd;
  uint16_t port;
  Kind kind;
};

Listening listenOn(Kind kind, uint16_t port = 0, uint32_t offset = 0) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(port, offset);
  socklen_t length = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  if (fd < 0 || bind(fd, raw, sizeof address) != 0 || listen(fd, 4096) != 0) die("listen");
  getsockname(fd, raw, &length);
  return {fd, ntohs(address.sin_port), kind};
}

class Listener : public Handler {
 public:
  Listener(Epoll& epoll, int fd, Kind kind, int burst)
      : epoll_(epoll), fd_(fd), kind_(kind), burst_(burst) {
    epoll_.add(fd_, EPOLLIN | EPOLLEXCLUSIVE, this);
  }

  bool onEvent(uint32_t) override {
    for (int i = 0; i < burst_; ++i) {
      const int fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return true;
      setNoDelay(fd);
      new Connection(epoll_, fd, kind_);  // deletes itself by what onEvent returns
    }
    return true;
  }

 private:
  Epoll& epoll_;
  const int fd_;
  const Kind kind_;
  const int burst_;
};

class Lifeline : public Handler {
 public:
  explicit Lifeline(Epoll& epoll) { epoll.add(STDIN_FILENO, EPOLLIN, this); }
  bool onEvent(uint32_t) override { std::exit(0); }
};

std::vector<Listening> listenOnAll(uint32_t addresses) {
  std::vector<Listening> sockets;
  for (const Kind kind : {Kind::kEcho, Kind::kSource, Kind::kSink, Kind::kDuplex}) {
    sockets.push_back(listenOn(kind));
    std::printf("%s %d\n", kNames[static_cast<size_t>(kind)], sockets.back().port);
  }
  for (uint32_t i = 1; i < addresses; ++i)
    sockets.push_back(listenOn(Kind::kEcho, sockets.front().port, i));
  std::fflush(stdout);
  return sockets;
}

void run(int processes, uint32_t addresses) {
  raiseFileLimit();
  const std::vector<Listening> sockets = listenOnAll(addresses);
  for (int i = 1; i < processes; ++i) {
    const pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) break;
  }
  Epoll epoll;
  // One at a time where processes share, so that each gets its part.
  for (const Listening& s : sockets) new Listener(epoll, s.fd, s.kind, processes > 1 ? 1 : 64);
  Lifeline lifeline(epoll);
  for (;;) {
    epoll.turn(-1, [](void* data, uint32_t events) {
      auto* handler = static_cast<Handler*>(data);
      if (!handler->onEvent(events)) delete handler;
    });
  }
}

}  // namespace
}  // namespace culvert::bench

int main(int argc, char** argv) {
  const culvert::bench::Options options(argc, argv);
  culvert::bench::run(static_cast<int>(options.number("processes", 1)),
                      static_cast<uint32_t>(options.number("addresses", 1)));
}
