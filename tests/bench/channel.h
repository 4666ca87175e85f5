// SPDX-License-Identifier: GPL-3.0-or-later
// One connection of the load client: nonblocking TCP, with OpenSSL above it or without. OpenSSL,
// because the client must not be culvert's own TLS stack.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "bench.h"

namespace culvert::bench {

/// What all TLS connections of a run share.
class TlsClient {
 public:
  /// `version` is "1.2", "1.3", or "plain" for no TLS at all.
  TlsClient(const std::string& version, const std::string& group) {
    if (version == "plain") return;
    context_ = SSL_CTX_new(TLS_client_method());
    const int v = version == "1.2" ? TLS1_2_VERSION : TLS1_3_VERSION;
    SSL_CTX_set_min_proto_version(context_, v);
    SSL_CTX_set_max_proto_version(context_, v);
    SSL_CTX_set_ciphersuites(context_, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_cipher_list(context_, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256");
    if (SSL_CTX_set1_groups_list(context_, group.c_str()) != 1) {
      std::fprintf(stderr, "bench: this OpenSSL does not know the group %s\n", group.c_str());
      std::exit(3);
    }
    SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                   SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context_, &TlsClient::onSession);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  SSL_CTX* context() const { return context_; }

  /// A large read buffer serves bulk, at the price of memory for each connection.
  void readAhead() {
    if (context_ == nullptr) return;
    SSL_CTX_set_read_ahead(context_, 1);
    SSL_CTX_set_default_read_buffer_len(context_, 64 * 1024);
  }

 private:
  /// Leaves the newest session to the slot that stands in the SSL's app data.
  static int onSession(SSL* ssl, SSL_SESSION* session) {
    auto** slot = static_cast<SSL_SESSION**>(SSL_get_app_data(ssl));
    if (slot == nullptr) return 0;
    if (*slot != nullptr) SSL_SESSION_free(*slot);
    *slot = session;
    return 1;  // the reference is ours
  }
  SSL_CTX* context_ = nullptr;
};

enum class Io { kOk, kAgain, kEnd, kError };

class Channel {
 public:
  ~Channel() { reset(); }
  Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// `session`: where the newest ticket is kept, and taken from when `resume` is set.
  void open(const TlsClient& tls, uint16_t port, SSL_SESSION** session, bool resume) {
    if (!tryOpen(tls, port, session, resume)) die(why_);
  }

  /// False, with errno and why(): there was no socket, or no port for it.
  bool tryOpen(const TlsClient& tls, uint16_t port, SSL_SESSION** session, bool resume) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return refused("socket");
    setNoDelay(fd_);
    const sockaddr_in address = loopback(port);
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
        errno != EINPROGRESS)
      return refused("connect");
    if (tls.context() == nullptr) return true;
    ssl_ = SSL_new(tls.context());
    SSL_set_fd(ssl_, fd_);
    SSL_set_connect_state(ssl_);
    SSL_set_app_data(ssl_, session);
    if (resume && session != nullptr && *session != nullptr) SSL_set_session(ssl_, *session);
    return true;
  }

  void reset() {
    if (ssl_ != nullptr) {
      // Without this mark OpenSSL takes the session for broken, which it is not.
      SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
      SSL_free(ssl_);
    }
    ssl_ = nullptr;
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  int fd() const { return fd_; }
  bool resumed() const { return ssl_ != nullptr && SSL_session_reused(ssl_) == 1; }
  /// Bytes that no event of the socket will tell of.
  bool pending() const { return ssl_ != nullptr && SSL_has_pending(ssl_) == 1; }

  /// Why the last kError came, in words without quotes.
  const char* why() const { return why_; }

  Io handshake() { return ssl_ == nullptr ? Io::kOk : judge(SSL_do_handshake(ssl_)); }

  Io read(char* into, size_t size, size_t& got) {
    got = 0;
    if (ssl_ != nullptr) return judge(SSL_read_ex(ssl_, into, size, &got));
    const ssize_t n = recv(fd_, into, size, 0);
    if (n > 0) got = static_cast<size_t>(n);
    return n > 0 ? Io::kOk : n == 0 ? Io::kEnd : errno == EAGAIN ? Io::kAgain : Io::kError;
  }

  Io write(const char* from, size_t size, size_t& sent) {
    sent = 0;
    if (ssl_ != nullptr) return judge(SSL_write_ex(ssl_, from, size, &sent));
    const ssize_t n = send(fd_, from, size, MSG_NOSIGNAL);
    if (n > 0) sent = static_cast<size_t>(n);
    return n > 0 ? Io::kOk : errno == EAGAIN ? Io::kAgain : Io::kError;
  }

  /// close_notify (or FIN where there is no TLS). The peer's own end is awaited by read().
  void finish() {
    if (ssl_ != nullptr) {
      SSL_shutdown(ssl_);
    } else {
      shutdown(fd_, SHUT_WR);
    }
  }

 private:
  bool refused(const char* call) {
    why_ = call;
    return false;
  }

  Io judge(int result) {
    if (result == 1) return Io::kOk;
    const int error = SSL_get_error(ssl_, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Io::kAgain;
    if (error == SSL_ERROR_ZERO_RETURN) return Io::kEnd;
    const unsigned long code = ERR_get_error();
    why_ = code != 0    ? ERR_reason_error_string(code)
           : errno != 0 ? std::strerror(errno)
                        : "the connection has ended";
    ERR_clear_error();
    return Io::kError;
  }

  int fd_ = -1;
  SSL* ssl_ = nullptr;
  const char* why_ = "";
};

}  // namespace culvert::bench
