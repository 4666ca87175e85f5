// SPDX-License-Identifier: GPL-3.0-or-later
// Handshakes in memory between a session of ours and a wolfSSL client.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tls/endpoint/hello_check.h"
#include "tls/hello/client_hello.h"
#include "tls/hello/hello_gatherer.h"
#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"
#include "tls/session/explain.h"
#include "tls/session/facts.h"
#include "tls/session/tls_context.h"
#include "tls/tickets/ticket_keys.h"
#include "unit/tls/support/test_endpoint.h"

namespace culvert {

/// One direction of a connection in memory.
using Pipe = std::deque<uint8_t>;

struct MemoryIo : TlsIoContext {
  Pipe* in;
  Pipe* out;
};

inline int memoryRecv(WOLFSSL*, char* into, int size, void* context) {
  auto* io = static_cast<MemoryIo*>(static_cast<TlsIoContext*>(context));
  if (io->in->empty()) return WOLFSSL_CBIO_ERR_WANT_READ;
  int count = 0;
  for (; count < size && !io->in->empty(); ++count) {
    into[count] = static_cast<char>(io->in->front());
    io->in->pop_front();
  }
  return count;
}

inline int memorySend(WOLFSSL*, char* from, int size, void* context) {
  auto* io = static_cast<MemoryIo*>(static_cast<TlsIoContext*>(context));
  io->out->insert(io->out->end(), from, from + size);
  return size;
}

/// How long one ticket key seals.
inline constexpr std::chrono::hours kTicketRotation{12};

/// A ring under a secret of its own.
inline std::unique_ptr<TicketKeys> freshTicketKeys() {
  TicketSecrets secrets;
  secrets.push_back(std::move(*randomTicketSecret()));
  return std::move(
      *TicketKeys::create(std::move(secrets), kTicketRotation, std::chrono::system_clock::now()));
}

/// What the client of a test wants.
struct ClientOptions {
  uint16_t minVersion = kTls12;
  uint16_t maxVersion = kTls13;
  std::string suites;       // wolfSSL list; empty: the library's
  std::vector<int> groups;  // empty: the library's
  std::vector<int> shares;  // key shares to send at first; empty: the library's choice
  std::string alpn;
  std::string serverName = "www.example.org";
  WOLFSSL_SESSION* session = nullptr;
};

/// A client and a server session joined by two pipes; the server is made when the hello is there,
/// as in the daemon.
class MemoryHandshake {
 public:
  MemoryHandshake(const ClientOptions& options, const TestTls& settings,
                  const TicketKeys* keys = nullptr)
      : settings_(settings), keys_(keys) {
    WOLFSSL_METHOD* method = options.maxVersion == kTls12   ? wolfTLSv1_2_client_method()
                             : options.minVersion == kTls13 ? wolfTLSv1_3_client_method()
                                                            : wolfSSLv23_client_method();
    ctx_ = wolfSSL_CTX_new(method);
    wolfSSL_CTX_set_verify(ctx_, WOLFSSL_VERIFY_NONE, nullptr);
    wolfSSL_CTX_SetIORecv(ctx_, memoryRecv);
    wolfSSL_CTX_SetIOSend(ctx_, memorySend);
    wolfSSL_CTX_UseSessionTicket(ctx_);
    if (!options.suites.empty()) {
      EXPECT_EQ(wolfSSL_CTX_set_cipher_list(ctx_, options.suites.c_str()), WOLFSSL_SUCCESS)
          << options.suites;
    }
    std::vector<int> groups = options.groups;
    const bool older = LIBWOLFSSL_VERSION_HEX < 0x05009000;  // knows the list for TLS 1.3 only
    if (older && options.maxVersion == kTls12) {
      for (int group : groups) {
        EXPECT_EQ(wolfSSL_CTX_UseSupportedCurve(ctx_, static_cast<word16>(group)), WOLFSSL_SUCCESS);
      }
    } else if (!groups.empty()) {
      EXPECT_EQ(wolfSSL_CTX_set_groups(ctx_, groups.data(), static_cast<int>(groups.size())),
                WOLFSSL_SUCCESS);
    }
    client_ = wolfSSL_new(ctx_);
    wolfSSL_SetIOReadCtx(client_, &clientIo_);
    wolfSSL_SetIOWriteCtx(client_, &clientIo_);
    wolfSSL_UseSessionTicket(client_);
    for (int group : options.shares) {
      EXPECT_EQ(wolfSSL_UseKeyShare(client_, static_cast<word16>(group)), WOLFSSL_SUCCESS);
    }
    if (!options.serverName.empty())
      wolfSSL_UseSNI(client_, WOLFSSL_SNI_HOST_NAME, options.serverName.data(),
                     static_cast<unsigned short>(options.serverName.size()));
    if (!options.alpn.empty()) {
      std::string list = options.alpn;
      wolfSSL_UseALPN(client_, list.data(), static_cast<unsigned>(list.size()),
                      WOLFSSL_ALPN_FAILED_ON_MISMATCH);
    }
    if (options.session != nullptr) {
      EXPECT_EQ(wolfSSL_set_session(client_, options.session), WOLFSSL_SUCCESS);
    }
  }
  ~MemoryHandshake() {
    wolfSSL_free(client_);
    wolfSSL_CTX_free(ctx_);
  }

  /// Runs until both sides are done or one failed. True = established.
  bool run() {
    for (int round = 0; round < 20; ++round) {
      if (!clientDone_ && !step(client_, wolfSSL_connect(client_), clientDone_, clientError))
        return pumpServer();
      if (!pumpServer()) return false;
      if (clientDone_ && serverDone_) return true;
    }
    return false;
  }

  /// One message from each side to the other; also makes the client take its tickets.
  bool exchange() {
    char buffer[16] = {};
    bool there = wolfSSL_write(server_.get(), "pong", 4) == 4 &&
                 wolfSSL_read(client_, buffer, sizeof(buffer)) == 4;
    return there && wolfSSL_write(client_, "ping", 4) == 4 &&
           wolfSSL_read(server_.get(), buffer, sizeof(buffer)) == 4 &&
           std::string(buffer) == "ping";
  }

  WOLFSSL* client() { return client_; }
  WOLFSSL* server() { return server_.get(); }
  TlsSession& session() { return server_; }
  TlsFacts facts() { return readNegotiated(server_.get()).describe(); }
  /// As the daemon reports it.
  CloseReason failure() {
    if (!verdict) return explainVerdict(verdict);
    return explainHandshakeFailure(serverError, alertsSeen(server_.get()));
  }

  ClientHello hello;
  HelloVerdict verdict;
  size_t credential = 0;
  int serverError = 0;
  int clientError = 0;
  std::optional<uint8_t> clientGotAlert() { return alertsSeen(client_).received; }

 private:
  bool step(WOLFSSL* ssl, int result, bool& done, int& error) {
    if (result == WOLFSSL_SUCCESS) {
      done = true;
      return true;
    }
    error = wolfSSL_get_error(ssl, result);
    return classifyError(error) == TlsEvent::kWantRead;
  }

  bool pumpServer() {
    if (!server_ && !start()) return false;
    if (!serverDone_ &&
        !step(server_.get(), wolfSSL_accept(server_.get()), serverDone_, serverError)) {
      if (auto alert = alertForError(serverError)) sendFatalAlert(server_.get(), *alert);
      if (!clientDone_) step(client_, wolfSSL_connect(client_), clientDone_, clientError);
      return false;
    }
    return !(clientError != 0 && classifyError(clientError) == TlsEvent::kFailed && !clientDone_);
  }

  bool start() {
    raw_.assign(toServer_.begin(), toServer_.end());
    EXPECT_EQ(gatherer_.feed(raw_, hello).status, HelloStatus::kComplete);
    verdict = judgeHello(hello, settings_, settings_.credentials);
    if (!verdict) {
      auto record = fatalAlertRecord(verdict.alert);
      toClient_.insert(toClient_.end(), record.begin(), record.end());
      step(client_, wolfSSL_connect(client_), clientDone_, clientError);
      return false;
    }
    credential = verdict.credential;
    auto context = TlsContext::create(settings_, settings_.credentials[credential], keys_,
                                      memoryRecv, memorySend);
    EXPECT_TRUE(context.has_value()) << context.error().text;
    if (!context) return false;
    auto made = context->newSession(hello, serverIo_);
    EXPECT_TRUE(made.has_value());
    server_ = std::move(*made);
    return true;  // the context goes; the session keeps it alive
  }

  TestTls settings_;
  const TicketKeys* keys_;
  Pipe toServer_;
  Pipe toClient_;
  MemoryIo clientIo_{{}, &toClient_, &toServer_};
  MemoryIo serverIo_{{}, &toServer_, &toClient_};
  WOLFSSL_CTX* ctx_ = nullptr;
  WOLFSSL* client_ = nullptr;
  TlsSession server_;
  HelloGatherer gatherer_;
  std::vector<uint8_t> raw_;
  bool clientDone_ = false;
  bool serverDone_ = false;
};

}  // namespace culvert
