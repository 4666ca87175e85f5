// SPDX-License-Identifier: GPL-3.0-or-later
// Thin functions over the socket system calls: each retries EINTR, none logs, all sockets are
// created nonblocking and close-on-exec. What a UNIX socket does differently stands at each
// function. Thread: any.
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
  int backlog = 4096;           ///< cut by the kernel to net.core.somaxconn
  mode_t unixMode = 0660;       ///< UNIX: mode that the socket file is made with
  uid_t unixOwner = uid_t(-1);  ///< UNIX: owner of the socket file; -1 leaves the creator
  gid_t unixGroup = gid_t(-1);  ///< UNIX: its group; -1 leaves the creator's
};

/// Binds and listens (SO_REUSEADDR; an IPv6 address gets IPV6_V6ONLY). UNIX: a socket file on which
/// nobody answers is replaced, one with a living listener gives EADDRINUSE, a file that is no
/// socket is never touched. The error's `sysErrno` tells EADDRINUSE, EACCES, EADDRNOTAVAIL, ..
/// apart; its text names the address.
Result<UniqueFd> openListener(const SocketAddress& address, const ListenOptions& options = {});

/// One socket for IPv4 and IPv6 on every address; IPv4 alone where the kernel has no IPv6.
Result<UniqueFd> openWildcardListener(uint16_t port, const ListenOptions& options = {});

/// The address a listener or connection is bound to (getsockname). "No address" on error.
SocketAddress boundAddress(int fd);
/// As boundAddress().text(), but a dual-stack wildcard listener is `*:PORT` (in the configuration
/// `[::]` is IPv6 only).
std::string listenerText(int fd);

/// Whether a listener could be bound to this UNIX address now; binds nothing, leaves a stale file.
Result<void> checkUnixListener(const SocketAddress& address);

/// Removes the file of a UNIX listener that has been closed, where nobody answers on it. Other
/// families: nothing to do. Best effort: after a privilege drop the directory may refuse; the next
/// start replaces the stale file.
void removeUnixSocket(const SocketAddress& address);

struct AcceptResult {
  UniqueFd fd;         ///< valid when a connection was taken
  SocketAddress peer;  ///< mapped IPv4 already shown as IPv4
  int error =
      0;  ///< errno where fd is not valid: EAGAIN = the queue is empty; see acceptErrorIsTransient
};

/// accept4(NONBLOCK | CLOEXEC), once. TCP options are the listener's; a UNIX socket inherits none and
/// is given keepUrgentInline() here.
AcceptResult acceptOne(int listenFd);

/// True for errors of one connection that died in the queue (ECONNABORTED, EPROTO, the network's
/// errors of accept(2)): go on with the next. False for EAGAIN and for lack of resources (EMFILE,
/// ENFILE, ENOBUFS, ENOMEM) or a broken listener.
bool acceptErrorIsTransient(int error);

struct ConnectStart {
  UniqueFd fd;  ///< valid when connected or in progress
  bool connected =
      false;      ///< false with a valid fd: in progress, wait for writable, then connectResult()
  int error = 0;  ///< errno where fd is not valid
};

/// socket(), keepUrgentInline() and a nonblocking connect(). UNIX: connects at once or fails at once: ENOENT (no such
/// file), ECONNREFUSED (nobody listens), EAGAIN (its backlog is full: try again later).
ConnectStart startConnect(const SocketAddress& address);

/// True where the socket takes bytes now, or a connect in progress has ended.
bool canWrite(int fd);

/// How a connect in progress ended: 0, or the errno (SO_ERROR). Reading it clears it.
int connectResult(int fd);

/// The setters return 0 or an errno. On a UNIX socket those of TCP do nothing and return 0.
int setNoDelay(int fd);
/// TCP's urgent byte stays among the others (SO_OOBINLINE): it would vanish otherwise. UNIX sockets
/// have one too, since Linux 5.15.
int keepUrgentInline(int fd);
/// What both ends of a tunnel have: no delay, the urgent byte in line, and keepalive that notices a
/// vanished peer after two minutes.
int setTunnelSocketOptions(int fd);
/// The kernel holds at most this many unsent bytes before the socket stops being writable.
int setNotSentLowat(int fd, uint32_t bytes);
/// The next close() sends RST and throws away unsent bytes (SO_LINGER 0). UNIX: no such thing; the
/// peer sees EOF, or ECONNRESET where we left input unread.
int setLingerReset(int fd);

/// Bytes written that the peer's kernel has not acknowledged (SIOCOUTQ). UNIX: memory charged for
/// what the peer has not read, overhead included: 0 exactly when it has read all. 0 on error.
size_t outQueueBytes(int fd);

/// True when the connection has been reset or has died of a timeout (POLLERR); consumes nothing, so
/// a later read still tells the errno. A plain end is not meant: POLLHUP is also set when both
/// sides have ended in order (TCP), or when a UNIX peer has closed while its bytes wait to be read.
/// For sockets that are not being watched.
bool hungUp(int fd);

}  // namespace culvert
