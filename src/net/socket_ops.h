// SPDX-License-Identifier: GPL-3.0-or-later
// Thin functions over the socket system calls. Each function retries after EINTR. None of them
// logs. All sockets are created nonblocking and close-on-exec. Each function documents how it
// differs for UNIX sockets. Thread: any.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "net/address.h"

namespace culvert {

struct ListenOptions {
  int backlog = 4096;           ///< the kernel limits it to net.core.somaxconn
  mode_t unixMode = 0660;       ///< UNIX: mode of the new socket file
  uid_t unixOwner = uid_t(-1);  ///< UNIX: owner of the socket file; -1: the creator
  gid_t unixGroup = gid_t(-1);  ///< UNIX: group of the socket file; -1: the creator's group
};

/// Binds and listens (SO_REUSEADDR; an IPv6 address gets IPV6_V6ONLY). UNIX: replaces a socket file
/// without a listener. Fails with EADDRINUSE if the file has a listener or is not a socket. The
/// error has the errno in `sysErrno`, and its text names the address.
Result<UniqueFd> openListener(const SocketAddress& address, const ListenOptions& options = {});

/// Opens one socket for IPv4 and IPv6 on every address. The socket has IPv4 only if the kernel has
/// no IPv6.
Result<UniqueFd> openWildcardListener(uint16_t port, const ListenOptions& options = {});

/// The local address of a listener or connection (getsockname). "No address" on error.
SocketAddress boundAddress(int fd);
/// Like boundAddress().text(), but `*:PORT` for a dual-stack wildcard listener, because `[::]`
/// means IPv6 only in the configuration.
std::string listenerText(int fd);

/// Checks whether a listener could be bound to this UNIX address now. Does not bind, and does not
/// remove a stale file.
Result<void> checkUnixListener(const SocketAddress& address);

/// Removes the socket file of a closed UNIX listener if no process listens on it. Does nothing for
/// other families. Ignores errors: after a privilege drop, culvert may not be allowed to remove the
/// file. The next start replaces the stale file.
void removeUnixSocket(const SocketAddress& address);

struct AcceptResult {
  UniqueFd fd;         ///< valid if a connection was accepted
  SocketAddress peer;  ///< an IPv4-mapped address is already converted to IPv4
  int error = 0;  ///< errno if fd is not valid; EAGAIN: empty queue; see acceptErrorIsTransient
};

/// Calls accept4(NONBLOCK | CLOEXEC) once. A TCP connection inherits the listener's options. A UNIX
/// socket inherits no options, so this function applies keepUrgentInline().
AcceptResult acceptOne(int listenFd);

/// True if the error concerns only one connection, which failed in the queue (ECONNABORTED, EPROTO,
/// the network errors of accept(2)); the caller accepts the next connection. False for EAGAIN, for
/// lack of resources (EMFILE, ENFILE, ENOBUFS, ENOMEM), and for a broken listener.
bool acceptErrorIsTransient(int error);

struct ConnectStart {
  UniqueFd fd;  ///< valid when connected or in progress
  bool connected =
      false;      ///< false with a valid fd: in progress, wait for writable, then connectResult()
  int error = 0;  ///< errno if fd is not valid
};

/// Calls socket(), keepUrgentInline() and a nonblocking connect(). A UNIX socket connects or fails
/// at once: ENOENT (no such file), ECONNREFUSED (no listener), or EAGAIN (the listener's backlog is
/// full; try again later).
ConnectStart startConnect(const SocketAddress& address);

/// True if the socket is writable now, or if a connect in progress has succeeded or failed.
bool canWrite(int fd);

/// Returns the result of a connect in progress: 0 or the errno (SO_ERROR). This call clears the
/// errno.
int connectResult(int fd);

/// The setters return 0 or an errno. On a UNIX socket the TCP setters do nothing and return 0.
int setNoDelay(int fd);
/// Keeps TCP's urgent byte in the normal stream (SO_OOBINLINE). Without this option the byte would
/// be lost. UNIX sockets have an urgent byte too, since Linux 5.15.
int keepUrgentInline(int fd);
/// Sets the options of a tunnel's sockets: no delay, urgent byte inline, and keepalive that detects
/// a vanished peer after two minutes.
int setTunnelSocketOptions(int fd);
/// Limits unsent bytes (TCP_NOTSENT_LOWAT): the socket stops being writable while the kernel has at
/// least `bytes` unsent bytes.
int setNotSentLowat(int fd, uint32_t bytes);
/// Makes the next close() send RST and discard unsent bytes (SO_LINGER 0). UNIX sockets do not
/// support this: the peer gets EOF, or ECONNRESET if culvert left input unread.
int setLingerReset(int fd);

/// Number of written bytes that the peer's kernel has not acknowledged (SIOCOUTQ). UNIX: the
/// memory, including overhead, of bytes that the peer has not read; 0 if and only if the peer has
/// read all bytes. 0 on error.
size_t outQueueBytes(int fd);

/// True if the connection was reset or has timed out (POLLERR). Does not clear the errno, so a
/// later read still returns it. False after a clean close. POLLHUP is not checked, because a clean
/// close can set it too: when both TCP peers have sent a FIN, or when a UNIX peer has closed and
/// its bytes wait to be read. For sockets without a watcher.
bool hungUp(int fd);

}  // namespace culvert
