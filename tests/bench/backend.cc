// SPDX-License-Identifier: GPL-3.0-or-later
// The plaintext backend of the benchmark: four loopback ports that echo, send without end, swallow,
// or send and swallow at once. Prints `name port` a line when all are bound; ends when its standard
// input does.
#include <memory>

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

class Listener : public Handler {
 public:
  Listener(Epoll& epoll, Kind kind) : epoll_(epoll), kind_(kind) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    if (fd_ < 0 || bind(fd_, raw, sizeof address) != 0 || listen(fd_, 4096) != 0) die("listen");
    getsockname(fd_, raw, &length);
    std::printf("%s %d\n", kNames[static_cast<size_t>(kind)], ntohs(address.sin_port));
    epoll_.add(fd_, EPOLLIN, this);
  }

  bool onEvent(uint32_t) override {
    for (int i = 0; i < 64; ++i) {
      const int fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return true;
      setNoDelay(fd);
      new Connection(epoll_, fd, kind_);  // deletes itself by what onEvent returns
    }
    return true;
  }

 private:
  Epoll& epoll_;
  int fd_;
  const Kind kind_;
};

class Lifeline : public Handler {
 public:
  explicit Lifeline(Epoll& epoll) { epoll.add(STDIN_FILENO, EPOLLIN, this); }
  bool onEvent(uint32_t) override { std::exit(0); }
};

void run() {
  raiseFileLimit();
  Epoll epoll;
  for (const Kind kind : {Kind::kEcho, Kind::kSource, Kind::kSink, Kind::kDuplex})
    new Listener(epoll, kind);
  Lifeline lifeline(epoll);
  std::fflush(stdout);
  for (;;) {
    epoll.turn(-1, [](void* data, uint32_t events) {
      auto* handler = static_cast<Handler*>(data);
      if (!handler->onEvent(events)) delete handler;
    });
  }
}

}  // namespace
}  // namespace culvert::bench

int main() { culvert::bench::run(); }
