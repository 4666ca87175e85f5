// SPDX-License-Identifier: GPL-3.0-or-later
// Thin functions over the socket system calls. Each retries after EINTR, and none logs. All sockets
// are created nonblocking and close-on-exec. Each function documents how it differs for UNIX
// sockets. Thread: any.
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
  gid_t unixGroup = gid_t(-1);  ///< UNIX: its group; -1: the creator's
};

/// Binds and listens (SO_REUSEADDR; an IPv6 address gets IPV6_V6ONLY). UNIX: a socket file without
/// a listener is replaced, one with a listener gives EADDRINUSE, and a file that is not a socket is
/// never changed. The error's `sysErrno` distinguishes EADDRINUSE, EACCES, EADDRNOTAVAIL, ..; its
/// text names the address.
Result<UniqueFd> openListener(const SocketAddress& address, const ListenOptions& options = {});

/// One socket for IPv4 and IPv6 on every address; IPv4 only if the kernel has no IPv6.
Result<UniqueFd> openWildcardListener(uint16_t port, const ListenOptions& options = {});

/// The local address of a listener or connection (getsockname). "No address" on error.
SocketAddress boundAddress(int fd);
/// Like boundAddress().text(), but `*:PORT` for a dual-stack wildcard listener (in the
/// configuration `[::]` is IPv6 only).
std::string listenerText(int fd);

/// Whether a listener could be bound to this UNIX address now. Binds nothing and leaves a stale
/// file.
Result<void> checkUnixListener(const SocketAddress& address);

/// Removes the socket file of a closed UNIX listener if no process listens on it. Does nothing for
/// other families. Best effort: after a privilege drop the directory may refuse the removal; the
/// next start replaces the stale file.
void removeUnixSocket(const SocketAddress& address);

struct AcceptResult {
  UniqueFd fd;         ///< valid if a connection was accepted
  SocketAddress peer;  ///< mapped IPv4 already converted to IPv4
  int error = 0;  ///< errno if fd is not valid: EAGAIN = queue is empty; see acceptErrorIsTransient
};

/// Calls accept4(NONBLOCK | CLOEXEC) once. A TCP connection inherits the listener's options. A UNIX
/// socket inherits none, so keepUrgentInline() is applied here.
AcceptResult acceptOne(int listenFd);

/// True for errors of one connection that failed in the queue (ECONNABORTED, EPROTO, the network
/// errors of accept(2)): continue with the next. False for EAGAIN, for lack of resources (EMFILE,
/// ENFILE, ENOBUFS, ENOMEM), and for a broken listener.
bool acceptErrorIsTransient(int error);

struct ConnectStart {
  UniqueFd fd;  ///< valid when connected or in progress
  bool connected =
      false;      ///< false with a valid fd: in progress, wait for writable, then connectResult()
  int error = 0;  ///< errno if fd is not valid
};

/// Calls socket(), keepUrgentInline() and a nonblocking connect(). UNIX: connects or fails at once:
/// ENOENT (no such file), ECONNREFUSED (no listener), EAGAIN (its backlog is full: try again
/// later).
ConnectStart startConnect(const SocketAddress& address);

/// True if the socket accepts bytes now, or a connect in progress has ended.
bool canWrite(int fd);

/// The result of a connect in progress: 0, or the errno (SO_ERROR). Reading clears it.
int connectResult(int fd);

/// The setters return 0 or an errno. On a UNIX socket the TCP setters do nothing and return 0.
int setNoDelay(int fd);
/// Keeps TCP's urgent byte in the normal stream (SO_OOBINLINE); otherwise it would be lost. UNIX
/// sockets have an urgent byte too, since Linux 5.15.
int keepUrgentInline(int fd);
/// The options of both ends of a tunnel: no delay, urgent byte inline, and keepalive that detects a
/// vanished peer after two minutes.
int setTunnelSocketOptions(int fd);
/// The socket stops being writable when the kernel has this many unsent bytes.
int setNotSentLowat(int fd, uint32_t bytes);
/// Makes the next close() send RST and discard unsent bytes (SO_LINGER 0). Not available for UNIX:
/// the peer gets EOF, or ECONNRESET if input was left unread.
int setLingerReset(int fd);

/// Bytes written that the peer's kernel has not acknowledged (SIOCOUTQ). UNIX: memory charged for
/// bytes that the peer has not read, including overhead: 0 exactly if it has read all. 0 on error.
size_t outQueueBytes(int fd);

/// True if the connection was reset or has timed out (POLLERR). Consumes nothing, so a later read
/// still returns the errno. False for a clean close: POLLHUP is also set when both sides have
/// closed in order (TCP), or when a UNIX peer has closed while its bytes wait to be read. For
/// sockets without a watcher.
bool hungUp(int fd);

}  // namespace culvert
