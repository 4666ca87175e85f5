// SPDX-License-Identifier: GPL-3.0-or-later
// Thin functions over the socket system calls. See socket_ops.h.
#include "net/socket_ops.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/paths.h"

namespace culvert {
namespace {

// Times in seconds. Keepalive probes detect a dead host. They do not close the connection of a slow
// host, because the kernel sends no probes while data is unacknowledged. TCP_USER_TIMEOUT is not
// set, because it would also close the connection of a live peer that does not read. The option
// stall-timeout closes such connections.
constexpr int kKeepaliveIdle = 60;
constexpr int kKeepaliveInterval = 15;
constexpr int kKeepaliveCount = 4;

int setOption(int fd, int level, int name, const void* value, socklen_t size) {
  return setsockopt(fd, level, name, value, size) == 0 ? 0 : errno;
}

int setIntOption(int fd, int level, int name, int value) {
  return setOption(fd, level, name, &value, sizeof value);
}

int socketDomain(int fd) {
  int domain = AF_UNSPEC;
  socklen_t size = sizeof domain;
  return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 ? domain : AF_UNSPEC;
}

/// Sets a TCP option. Has no effect on a UNIX socket, because the kernel returns EOPNOTSUPP and
/// this function ignores that error. So callers need not check the socket's family.
int setTcpOption(int fd, int name, int value) {
  int error = setIntOption(fd, IPPROTO_TCP, name, value);
  return error == EOPNOTSUPP && socketDomain(fd) == AF_UNIX ? 0 : error;
}

/// Returns the events that poll() reports for the socket now.
short pollNow(int fd, short wanted) {
  pollfd entry{fd, wanted, 0};
  int count;
  do {
    count = ::poll(&entry, 1, 0);
  } while (count < 0 && errno == EINTR);
  return count > 0 ? entry.revents : short(0);
}

tl::unexpected<Error> listenFailed(const std::string& where, int error) {
  std::string hint;
  if (error == EACCES) hint = " (ports below 1024 need root or CAP_NET_BIND_SERVICE)";
  return fail(fmt::format("cannot listen on {}: {}{}", where, errnoText(error), hint), error);
}

tl::unexpected<Error> unixListenFailed(const SocketAddress& address, int error, const char* step) {
  return fail(fmt::format("cannot listen on {}: {}{}", address.text(), step, errnoText(error)),
              error);
}

enum class UnixOccupant { kNone, kStale, kAlive, kNoSocket };

/// Finds out whether a process listens on the UNIX socket at `address`. Returns kAlive if this is
/// uncertain, because the caller deletes the file if no process listens.
UnixOccupant unixOccupant(const SocketAddress& address) {
  struct stat info;
  if (lstat(std::string(address.path()).c_str(), &info) != 0) return UnixOccupant::kNone;
  if (!S_ISSOCK(info.st_mode)) return UnixOccupant::kNoSocket;
  ConnectStart probe = startConnect(address);
  return probe.error == ECONNREFUSED ? UnixOccupant::kStale : UnixOccupant::kAlive;
}

/// Returns what is at the path of a UNIX address, or an error if culvert cannot listen on the path.
Result<UnixOccupant> claimable(const SocketAddress& address) {
  const UnixOccupant occupant = unixOccupant(address);
  if (occupant == UnixOccupant::kAlive) return unixListenFailed(address, EADDRINUSE, "");
  if (occupant == UnixOccupant::kNoSocket)
    return unixListenFailed(address, EADDRINUSE, "the file is not a socket: ");
  return occupant;
}

/// Binds the UNIX socket, which creates its file with the permissions `mode`. A chmod() after
/// bind() could change a file that another process has put at the path. The umask, which applies to
/// the whole process, is restored at once. Until then, other threads may create files with fewer
/// permissions.
int bindWithMode(int fd, const SocketAddress& address, mode_t mode) {
  const mode_t before = ::umask(~mode & 0777);
  const int error = ::bind(fd, address.get(), address.length()) == 0 ? 0 : errno;
  ::umask(before);
  return error;
}

/// Changes the owner of the socket file that culvert has just created at `path`. Returns EEXIST if
/// the file is not a socket or has another hard link, because another process may have replaced the
/// file. Such a file is neither changed nor removed. If the owner cannot be changed, removes the
/// socket file. Returns 0 or an errno.
int giveSocketFile(const std::string& path, const ListenOptions& options) {
  if (options.unixOwner == uid_t(-1) && options.unixGroup == gid_t(-1)) return 0;
  const UniqueFd file(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0) return errno;
  if (!S_ISSOCK(info.st_mode) || info.st_nlink != 1) return EEXIST;
  if (::fchownat(file.get(), "", options.unixOwner, options.unixGroup, AT_EMPTY_PATH) == 0)
    return 0;
  const int error = errno;
  ::unlink(path.c_str());
  return error;
}

Result<UniqueFd> openUnixListener(const SocketAddress& address, const ListenOptions& options) {
  std::string path(address.path());
  const auto occupant = claimable(address);
  if (!occupant) return tl::unexpected(occupant.error());
  if (*occupant == UnixOccupant::kStale && ::unlink(path.c_str()) != 0 && errno != ENOENT)
    return unixListenFailed(address, errno, "cannot replace the stale socket file: ");
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return unixListenFailed(address, errno, "");
  if (const int error = bindWithMode(fd.get(), address, options.unixMode); error != 0)
    return unixListenFailed(address, error, "");
  // No client can connect between bind() and listen(), so the owner is set before the first
  // connection.
  if (const int error = giveSocketFile(path, options); error != 0)
    return unixListenFailed(address, error, "cannot set the owner of the socket file: ");
  if (::listen(fd.get(), options.backlog) != 0) {
    const int error = errno;
    ::unlink(path.c_str());
    return unixListenFailed(address, error, "");
  }
  return fd;
}

Result<UniqueFd> openInetListener(const SocketAddress& address, bool v6Only,
                                  const ListenOptions& options, const std::string& where) {
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return listenFailed(where, errno);
  int error = setIntOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (error == 0 && address.isIpv6())
    error = setIntOption(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, v6Only ? 1 : 0);
  if (error == 0 && ::bind(fd.get(), address.get(), address.length()) != 0) error = errno;
  // Two sockets with SO_REUSEADDR can bind the same port. So listen() can return EADDRINUSE even if
  // bind() has succeeded.
  if (error == 0 && ::listen(fd.get(), options.backlog) != 0) error = errno;
  if (error != 0) return listenFailed(where, error);
  return fd;
}

}  // namespace

Result<UniqueFd> openListener(const SocketAddress& address, const ListenOptions& options) {
  if (address.isUnix()) return openUnixListener(address, options);
  if (!address.isSet()) return fail("cannot listen: no address", EINVAL);
  return openInetListener(address, true, options, address.text());
}

Result<UniqueFd> openWildcardListener(uint16_t port, const ListenOptions& options) {
  std::string where = fmt::format("*:{}", port);
  auto fd = openInetListener(SocketAddress::ipv6(in6addr_any, port), false, options, where);
  // Use IPv4 alone if the kernel has no IPv6 (EAFNOSUPPORT) or a sysctl disables IPv6
  // (EADDRNOTAVAIL).
  if (!fd && (fd.error().sysErrno == EAFNOSUPPORT || fd.error().sysErrno == EADDRNOTAVAIL)) {
    return openInetListener(SocketAddress::ipv4(INADDR_ANY, port), true, options, where);
  }
  return fd;
}

SocketAddress boundAddress(int fd) {
  sockaddr_storage storage;
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return SocketAddress::fromSockaddr(reinterpret_cast<sockaddr*>(&storage), length);
}

std::string listenerText(int fd) {
  SocketAddress address = boundAddress(fd);
  int only = 1;
  socklen_t size = sizeof only;
  if (address.isIpv6() && address.isAnyAddress() &&
      getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &size) == 0 && only == 0) {
    return fmt::format("*:{}", address.port());
  }
  return address.text();
}

Result<void> checkUnixListener(const SocketAddress& address) {
  if (const auto occupant = claimable(address); !occupant) return tl::unexpected(occupant.error());
  if (const int error = cannotCreate(std::string(address.path())); error != 0)
    return unixListenFailed(address, error, "");
  return {};
}

void removeUnixSocket(const SocketAddress& address) {
  if (!address.isUnix() || address.path().empty() || address.path().front() == '\0') return;
  if (unixOccupant(address) == UnixOccupant::kStale) ::unlink(std::string(address.path()).c_str());
}

AcceptResult acceptOne(int listenFd) {
  AcceptResult result;
  sockaddr_storage storage;
  socklen_t length;
  int fd;
  do {
    length = sizeof storage;
    fd = ::accept4(listenFd, reinterpret_cast<sockaddr*>(&storage), &length,
                   SOCK_NONBLOCK | SOCK_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) {
    result.error = errno;
    return result;
  }
  result.fd.reset(fd);
  if (storage.ss_family == AF_UNIX) keepUrgentInline(fd);
  result.peer = SocketAddress::fromSockaddr(reinterpret_cast<sockaddr*>(&storage), length);
  return result;
}

bool acceptErrorIsTransient(int error) {
  switch (error) {  // accept(2) returns errors that are already pending on the new socket
    case ECONNABORTED:
    case EPROTO:
    case EPERM:  // forbidden by firewall rules
    case ENETDOWN:
    case ENETUNREACH:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

ConnectStart startConnect(const SocketAddress& address) {
  ConnectStart result;
  if (!address.isSet()) {
    result.error = EAFNOSUPPORT;
    return result;
  }
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) {
    result.error = errno;
    return result;
  }
  keepUrgentInline(fd.get());  // before the peer can send
  int status = ::connect(fd.get(), address.get(), address.length());
  // On loopback the handshake is already complete when connect() returns. A second connect()
  // confirms this, so the caller need not wait for the next turn of the loop.
  if (status != 0 && errno == EINPROGRESS && address.isLoopback()) {
    status = ::connect(fd.get(), address.get(), address.length());
  }
  // A connect() interrupted by a signal continues in the kernel (POSIX). So EINTR means the same as
  // EINPROGRESS.
  if (status == 0) {
    result.connected = true;
  } else if (errno != EINPROGRESS && errno != EALREADY && errno != EINTR) {
    result.error = errno;
    return result;
  }
  result.fd = std::move(fd);
  return result;
}

int connectResult(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

int setNoDelay(int fd) { return setTcpOption(fd, TCP_NODELAY, 1); }

int keepUrgentInline(int fd) { return setIntOption(fd, SOL_SOCKET, SO_OOBINLINE, 1); }

int setTunnelSocketOptions(int fd) {
  int error = setNoDelay(fd);
  if (error == 0) error = keepUrgentInline(fd);
  if (error == 0) error = setIntOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  if (error == 0) error = setTcpOption(fd, TCP_KEEPIDLE, kKeepaliveIdle);
  if (error == 0) error = setTcpOption(fd, TCP_KEEPINTVL, kKeepaliveInterval);
  if (error == 0) error = setTcpOption(fd, TCP_KEEPCNT, kKeepaliveCount);
  return error;
}

int setNotSentLowat(int fd, uint32_t bytes) {
  return setTcpOption(fd, TCP_NOTSENT_LOWAT, int(bytes));
}

int setLingerReset(int fd) {
  linger off{1, 0};
  return setOption(fd, SOL_SOCKET, SO_LINGER, &off, sizeof off);
}

size_t outQueueBytes(int fd) {
  int bytes = 0;
  return ::ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? size_t(bytes) : 0;
}

bool hungUp(int fd) { return (pollNow(fd, 0) & POLLERR) != 0; }

bool canWrite(int fd) { return pollNow(fd, POLLOUT) != 0; }

}  // namespace culvert
