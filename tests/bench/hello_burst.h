// SPDX-License-Identifier: GPL-3.0-or-later
// A burst of ClientHellos beside one established tunnel: what its echo takes at worst until the
// server has answered all of them. The hellos are one, made once and sent on many connections, so
// that the client is never the slower side; nobody goes on with these handshakes.
#pragma once

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "channel.h"

namespace culvert::bench {

class HelloBurst {
 public:
  HelloBurst(const TlsClient& tls, uint16_t port, size_t count)
      : tls_(tls), port_(port), clients_(count) {}

  void run() {
    prober_.open(tls_, port_, nullptr, false);
    until([this] { return prober_.handshake(); });
    for (int i = 0; i < kWarmEchoes; ++i) echo();
    const std::vector<char> hello = makeHello();
    std::thread flood([&] { sendAll(hello); });
    uint64_t worst = 0;
    size_t echoes = 0;
    for (; !done_.load(); ++echoes) {
      const uint64_t before = nowNs();
      echo();
      worst = std::max(worst, nowNs() - before);
    }
    flood.join();
    std::printf("{\"worst_ms\": %.3f, \"echoes\": %zu, \"answered\": %zu, \"all_ms\": %.1f}\n",
                static_cast<double>(worst) / 1e6, echoes, answered_,
                static_cast<double>(took_) / 1e6);
  }

 private:
  static constexpr int kWarmEchoes = 20;
  static constexpr uint64_t kLimitNs = 30'000'000'000;

  struct Client {
    int fd = -1;
    bool sent = false;
  };

  template <class Step>
  void until(Step step) {
    Io io;
    while ((io = step()) == Io::kAgain) {
      pollfd waiting{prober_.fd(), POLLIN, 0};
      ::poll(&waiting, 1, 1000);
    }
    if (io != Io::kOk) die(std::string("the established tunnel has ended: ") + prober_.why());
  }

  void echo() {
    size_t n = 0;
    std::array<char, 64> bytes{};
    until([&] { return prober_.write(bytes.data(), bytes.size(), n); });
    for (size_t got = 0; got < bytes.size(); got += n)
      until([&] { return prober_.read(bytes.data(), bytes.size(), n); });
  }

  std::vector<char> makeHello() const {
    SSL* ssl = SSL_new(tls_.context());
    BIO* out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
    SSL_set_connect_state(ssl);
    SSL_do_handshake(ssl);
    const char* bytes = nullptr;
    const long size = BIO_get_mem_data(out, &bytes);
    std::vector<char> hello(bytes, bytes + size);
    SSL_free(ssl);
    return hello;
  }

  void sendAll(const std::vector<char>& hello) {
    Epoll epoll;
    const uint64_t begin = nowNs();
    for (Client& client : clients_) {
      client.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      if (client.fd < 0) die("socket");
      const sockaddr_in address = loopback(port_);
      if (connect(client.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
          errno != EINPROGRESS)
        die("connect");
      epoll.add(client.fd, EPOLLOUT, &client);
    }
    size_t ended = 0;
    while (ended < clients_.size() && nowNs() - begin < kLimitNs) {
      epoll.turn(1000, [&](void* data, uint32_t) {
        Client& client = *static_cast<Client*>(data);
        if (!client.sent) {
          client.sent = true;
          if (send(client.fd, hello.data(), hello.size(), MSG_NOSIGNAL) < 0) die("send");
          return epoll.change(client.fd, EPOLLIN, &client);
        }
        char first = 0;
        if (recv(client.fd, &first, 1, 0) > 0 && first == kHandshakeRecord) ++answered_;
        ++ended;
        epoll.change(client.fd, 0, &client);
      });
    }
    took_ = nowNs() - begin;
    done_.store(true);
  }

  static constexpr char kHandshakeRecord = 22;

  const TlsClient& tls_;
  const uint16_t port_;
  Channel prober_;
  std::vector<Client> clients_;  // left open: closing them would be more work for the server
  size_t answered_ = 0;          // the flood's, read when it has ended
  uint64_t took_ = 0;
  std::atomic<bool> done_{false};
};

}  // namespace culvert::bench
