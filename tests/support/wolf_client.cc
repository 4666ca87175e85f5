// SPDX-License-Identifier: GPL-3.0-or-later
// A small TLS client on the wolfSSL that culvert is linked with: for the key exchanges that no
// client of the distribution knows (X25519MLKEM768). Shakes hands, has one line echoed, and prints
// what was agreed on as one line of JSON; a failure names the alert that came. Built by the tests
// (harness/wolf.py).
//
// usage: wolf_client PORT [--groups N,N..] [--shares N,N..] [--version 1.2|1.3] [--suites LIST]
// [--ca FILE]
//   numbers are those of the registry, as in 0x11ec; --shares limits the key shares of the first
//   hello
#include <wolfssl/options.h>
// options.h first
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wolfssl/ssl.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#ifdef CUSTOM_RAND_GENERATE_BLOCK
/// The library was built to ask the program for random bytes.
extern "C" int culvertRandomBlock(unsigned char* out, unsigned int size) {
  return getrandom(out, size, 0) == static_cast<ssize_t>(size) ? 0 : -1;
}
#endif

namespace {

constexpr int kUnsupported = 77;  // this library cannot do what was asked for

[[noreturn]] void quit(const std::string& what, int code = 2) {
  std::fprintf(stderr, "wolf_client: %s\n", what.c_str());
  std::exit(code);
}

std::vector<int> numbers(const std::string& list) {
  std::vector<int> out;
  std::istringstream in(list);
  for (std::string item; std::getline(in, item, ',');)
    out.push_back(static_cast<int>(std::strtol(item.c_str(), nullptr, 0)));
  return out;
}

int connectTo(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    quit("cannot connect");
  timeval limit{30, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  return fd;
}

/// Follows the library's I/O to count the hellos that leave: a second one answers a retry request.
struct Wire {
  int fd;
  int hellos = 0;
};

int onSend(WOLFSSL*, char* from, int size, void* context) {
  auto* wire = static_cast<Wire*>(context);
  constexpr char kHandshake = 22, kClientHello = 1;
  if (size > 5 && from[0] == kHandshake && from[5] == kClientHello) ++wire->hellos;
  const ssize_t sent = ::send(wire->fd, from, static_cast<size_t>(size), MSG_NOSIGNAL);
  return sent > 0 ? static_cast<int>(sent) : WOLFSSL_CBIO_ERR_GENERAL;
}

int onRecv(WOLFSSL*, char* into, int size, void* context) {
  const ssize_t got = ::recv(static_cast<Wire*>(context)->fd, into, static_cast<size_t>(size), 0);
  return got > 0    ? static_cast<int>(got)
         : got == 0 ? WOLFSSL_CBIO_ERR_CONN_CLOSE
                    : WOLFSSL_CBIO_ERR_GENERAL;
}

WOLFSSL_CTX* newContext(std::map<std::string, std::string>& options) {
  const std::string version = options["--version"];
  WOLFSSL_CTX* ctx = wolfSSL_CTX_new(version == "1.2"   ? wolfTLSv1_2_client_method()
                                     : version == "1.3" ? wolfTLSv1_3_client_method()
                                                        : wolfSSLv23_client_method());
  if (ctx == nullptr) quit("no context");
  wolfSSL_CTX_SetIOSend(ctx, onSend);
  wolfSSL_CTX_SetIORecv(ctx, onRecv);
  wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_NONE, nullptr);
  if (const std::string ca = options["--ca"]; !ca.empty()) {
    if (wolfSSL_CTX_load_verify_locations(ctx, ca.c_str(), nullptr) != WOLFSSL_SUCCESS)
      quit("cannot load " + ca);
    wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_PEER, nullptr);
  }
  if (const std::string suites = options["--suites"];
      !suites.empty() && wolfSSL_CTX_set_cipher_list(ctx, suites.c_str()) != WOLFSSL_SUCCESS)
    quit("suites are not known: " + suites, kUnsupported);
  if (std::vector<int> groups = numbers(options["--groups"]);
      !groups.empty() && wolfSSL_CTX_set_groups(ctx, groups.data(),
                                                static_cast<int>(groups.size())) != WOLFSSL_SUCCESS)
    quit("groups are not known", kUnsupported);
  return ctx;
}

int failed(WOLFSSL* ssl, int result) {
  WOLFSSL_ALERT_HISTORY alerts{};
  wolfSSL_get_alert_history(ssl, &alerts);
  std::printf("{\"ok\": false, \"alert\": %d, \"sent\": %d, \"error\": %d}\n", alerts.last_rx.code,
              alerts.last_tx.code, wolfSSL_get_error(ssl, result));
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc % 2 != 0) quit("usage: wolf_client PORT [--OPTION VALUE]...");
  std::map<std::string, std::string> options;
  for (int i = 2; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  wolfSSL_Init();
  WOLFSSL_CTX* ctx = newContext(options);
  WOLFSSL* ssl = wolfSSL_new(ctx);
  if (ssl == nullptr) quit("no session");
  for (int share : numbers(options["--shares"]))
    if (wolfSSL_UseKeyShare(ssl, static_cast<word16>(share)) != WOLFSSL_SUCCESS)
      quit("no such key share", kUnsupported);
  Wire wire{connectTo(std::atoi(argv[1]))};
  wolfSSL_SetIOReadCtx(ssl, &wire);
  wolfSSL_SetIOWriteCtx(ssl, &wire);
  if (const int result = wolfSSL_connect(ssl); result != WOLFSSL_SUCCESS)
    return failed(ssl, result);
  static constexpr char kLine[] = "hello through culvert";
  char answer[sizeof(kLine)] = {};
  if (const int n = wolfSSL_write(ssl, kLine, sizeof(kLine)); n <= 0) return failed(ssl, n);
  if (const int n = wolfSSL_read(ssl, answer, sizeof(answer)); n <= 0) return failed(ssl, n);
  const char* group = wolfSSL_get_curve_name(ssl);
  std::printf(
      "{\"ok\": true, \"version\": \"%s\", \"suite\": \"%s\", \"group\": \"%s\", \"hellos\": %d, "
      "\"echo\": %s}\n",
      wolfSSL_get_version(ssl), wolfSSL_get_cipher_name(ssl), group == nullptr ? "" : group,
      wire.hellos, std::memcmp(answer, kLine, sizeof(kLine)) == 0 ? "true" : "false");
  wolfSSL_shutdown(ssl);
  wolfSSL_free(ssl);
  wolfSSL_CTX_free(ctx);
  ::close(wire.fd);
}
