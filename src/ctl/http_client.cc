// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/http_client.h"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/unique_fd.h"

namespace culvert {

namespace {

constexpr Millis kConnectTimeout{2000};

struct SocketName {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

/// Waits until the descriptor is ready. Returns 0, or ETIMEDOUT, or ECANCELED.
int waitFor(int fd, short events, int cancelFd, TimePoint deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(deadline - Clock::now());
    if (left.count() <= 0) return ETIMEDOUT;
    std::array<pollfd, 2> all{pollfd{fd, events, 0}, pollfd{cancelFd, POLLIN, 0}};
    const int ready = ::poll(all.data(), all.size(), static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) return errno;
    if (ready > 0 && all[1].revents != 0) return ECANCELED;
    if (ready > 0) return 0;
  }
}

Result<UniqueFd> connectTo(const SocketName& name, int cancelFd) {
  UniqueFd fd(::socket(name.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail(errnoText(errno), errno);
  int error = 0;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name.storage), name.length) != 0) {
    error = errno;
    // A UNIX socket whose queue is full says EAGAIN at once; poll() does not wait for it.
    if (error == EINPROGRESS) {
      error = waitFor(fd.get(), POLLOUT, cancelFd, Clock::now() + kConnectTimeout);
      socklen_t length = sizeof error;
      if (error == 0) ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    }
  }
  if (error != 0) return fail(errnoText(error), error);
  return fd;
}

SocketName unixName(const AdminAddress& address) {
  SocketName name;
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, address.path.c_str(), address.path.size() + 1);
  std::memcpy(&name.storage, &local, sizeof local);
  name.length = sizeof local;
  return name;
}

/// Connects to the first address of the host that accepts.
Result<UniqueFd> connectTcp(const AdminAddress& address, int cancelFd) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found);
  if (code != 0) return fail(::gai_strerror(code));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, ::freeaddrinfo);
  Result<UniqueFd> last = fail("the host has no address");
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    SocketName name;
    std::memcpy(&name.storage, one->ai_addr, one->ai_addrlen);
    name.length = one->ai_addrlen;
    last = connectTo(name, cancelFd);
    if (last) break;
  }
  return last;
}

Result<void> sendAll(int fd, std::string_view bytes, int cancelFd, TimePoint deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      if (const int error = waitFor(fd, POLLOUT, cancelFd, deadline); error != 0)
        return fail(errnoText(error), error);
    } else if (errno == EPIPE) {
      return {};  // the answer may say why
    } else if (errno != EINTR) {
      return fail(errnoText(errno), errno);
    }
  }
  return {};
}

std::string hintFor(const AdminAddress& address, int sysErrno) {
  switch (sysErrno) {
    case EACCES:
    case EPERM:
      return "Only root and culvert's user and group may open the socket: run culvertctl with "
             "sudo, or as a member of that group.";
    case ETIMEDOUT:
    case EAGAIN:
      return "The daemon is stopped, overloaded, or needs longer: see `--timeout`.";
    default:
      return fmt::format(
          "Is culvert running, and is `admin = {}` set in its configuration? `--admin` or "
          "CULVERT_ADMIN names another address.",
          address.text());
  }
}

tl::unexpected<CtlFailure> unreachable(const AdminAddress& address, const Error& error,
                                       std::string_view what = {}) {
  return ctlFail(kCtlUnreachable,
                 unreachableWords(address, what.empty() ? error.text : what, error.sysErrno),
                 error.sysErrno);
}

tl::unexpected<CtlFailure> misunderstood(const AdminAddress& address, const Error& error) {
  return ctlFail(kCtlAnswer,
                 fmt::format("the answer from {} is not one that culvertctl understands: {}\n  Is "
                             "this the `admin` address of culvert?",
                             address.text(), error.text));
}

}  // namespace

std::string unreachableWords(const AdminAddress& address, std::string_view why, int sysErrno) {
  return fmt::format("cannot reach culvert at {}: {}\n  {}", address.text(), why,
                     hintFor(address, sysErrno));
}

CtlResult<CtlAnswer> HttpClient::call(const CtlRequest& request, Millis timeout) const {
  const TimePoint deadline = Clock::now() + timeout;
  const Result<UniqueFd> fd = address_.isUnix() ? connectTo(unixName(address_), cancelFd_)
                                                : connectTcp(address_, cancelFd_);
  if (!fd) return unreachable(address_, fd.error());
  const std::string text = requestText(request, address_.hostHeader());
  if (Result<void> sent = sendAll(fd->get(), text, cancelFd_, deadline); !sent)
    return unreachable(address_, sent.error());
  CtlAnswerReader reader;
  std::array<char, 65536> buffer;
  while (!reader.complete()) {
    const ssize_t count = ::recv(fd->get(), buffer.data(), buffer.size(), 0);
    if (count == 0) break;
    if (count > 0) {
      const Result<void> fed = reader.feed({buffer.data(), static_cast<size_t>(count)});
      if (!fed) return misunderstood(address_, fed.error());
      continue;
    }
    const int failed = errno;
    const int error = failed == EAGAIN ? waitFor(fd->get(), POLLIN, cancelFd_, deadline) : failed;
    if (error == ETIMEDOUT)
      return unreachable(address_, Error{"", ETIMEDOUT},
                         fmt::format("no answer within {} ms", timeout.count()));
    if (error != 0 && error != EINTR) return unreachable(address_, Error{errnoText(error), error});
  }
  Result<CtlAnswer> answer = reader.finish();
  if (!answer) return misunderstood(address_, answer.error());
  return std::move(*answer);
}

}  // namespace culvert
