// SPDX-License-Identifier: GPL-3.0-or-later
// First flights of real clients, taken from a loopback socket: each is a whole sound hello, with
// the name and the protocols that the client was told to send. Clients that are not installed are
// skipped.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "tls/hello/hello_gatherer.h"
#include "tls/protocol/tls_names.h"

namespace culvert {
namespace {

/// Runs `command` ("PORT" stands for the port) until its hello is complete.
void takeHello(std::string command, std::vector<uint8_t>& bytes, ClientHello& hello,
               HelloGatherer& gatherer) {
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  command.replace(command.find("PORT"), 4, std::to_string(ntohs(address.sin_port)));
  command = "exec " + command + " </dev/null >/dev/null 2>&1";
  const char* argv[] = {"sh", "-c", command.c_str(), nullptr};
  pid_t child = -1;
  ASSERT_EQ(::posix_spawn(&child, "/bin/sh", nullptr, nullptr, const_cast<char**>(argv), environ),
            0);
  pollfd wait{listener.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&wait, 1, 20000), 1) << command;
  UniqueFd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  HelloResult result;
  while (result.status == HelloStatus::kNeedMore) {
    pollfd readable{client.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&readable, 1, 20000), 1) << command;
    uint8_t buffer[4096];
    ssize_t got = ::recv(client.get(), buffer, sizeof(buffer), 0);
    ASSERT_GT(got, 0) << command;
    bytes.insert(bytes.end(), buffer, buffer + got);
    result = gatherer.feed(bytes, hello);
  }
  EXPECT_EQ(result.status, HelloStatus::kComplete) << command << ": " << result.reason;
  client.reset();
  int status = 0;
  ::waitpid(child, &status, 0);
}

struct RealClient {
  const char* program;
  std::string command;
  uint16_t highest;
  const char* name;
  const char* protocol;
};

TEST(RealHello, OfEveryClientIsComplete) {
  const RealClient clients[] = {
      {"openssl",
       "openssl s_client -connect 127.0.0.1:PORT -servername Www.Example.org -alpn h2,http/1.1",
       kTls13, "www.example.org", "h2"},
      {"openssl", "openssl s_client -connect 127.0.0.1:PORT -tls1_2 -servername a.example", kTls12,
       "a.example", ""},
      {"openssl",
       "openssl s_client -connect 127.0.0.1:PORT -tls1_1 -cipher DEFAULT@SECLEVEL=0 -noservername",
       kTls11, "", ""},
      {"curl", "curl -sk --resolve www.example.org:PORT:127.0.0.1 https://www.example.org:", kTls13,
       "www.example.org", "http/1.1"},
      {"gnutls-cli", "gnutls-cli --insecure --sni-hostname=b.example --alpn=imap -p PORT 127.0.0.1",
       kTls13, "b.example", "imap"},
      {"python3",
       "python3 -c 'import socket, ssl; c = ssl.create_default_context(); c.check_hostname = "
       "False; "
       "c.wrap_socket(socket.create_connection((\"127.0.0.1\", PORT)), "
       "server_hostname=\"c.example\")'",
       kTls13, "c.example", ""},
  };
  for (const RealClient& client : clients) {
    if (std::system((std::string("command -v ") + client.program + " >/dev/null").c_str()) != 0)
      continue;
    std::string command = client.command;
    if (command.back() == ':') command += "PORT";  // curl names it twice
    std::vector<uint8_t> bytes;
    ClientHello hello;
    HelloGatherer gatherer;
    if (size_t second = command.rfind("PORT"); second != command.find("PORT")) {
      // One port for both places: the shell fills in the second.
      command.replace(second, 4, "$p");
      command.replace(command.find("PORT"), 4, "$p");
      command = "sh -c 'p=PORT; exec " + command + "'";
    }
    takeHello(command, bytes, hello, gatherer);
    EXPECT_EQ(hello.highestVersion(), client.highest) << client.command;
    EXPECT_EQ(hello.serverName, client.name) << client.command;
    if (client.protocol[0] != '\0') {
      EXPECT_TRUE(hello.offersProtocol(client.protocol)) << client.command;
    }
    EXPECT_EQ(gatherer.consumed(), bytes.size()) << client.command;
  }
}

}  // namespace
}  // namespace culvert
