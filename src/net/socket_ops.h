// SPDX-License-Identifier: GPL-3.0-or-later
// Thin functions over the socket system calls. Each function retries after EINTR, and none of them
// logs. All sockets are created nonblocking and close-on-exec. The comments say which functions
// behave differently for UNIX sockets. Thread: any.
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
  int backlog = 4096;  ///< length of the listen queue; the kernel limits it to net.core.somaxconn
  mode_t unixMode = 0660;       ///< UNIX: mode of the new socket file
  uid_t unixOwner = uid_t(-1);  ///< UNIX: owner of the socket file; -1 keeps the creator
  gid_t unixGroup = gid_t(-1);  ///< UNIX: group of the socket file; -1 keeps the creator's group
};

/// Opens a listener on `address` with SO_REUSEADDR, and with IPV6_V6ONLY for an IPv6 address. On a
/// UNIX address, replaces a socket file on which no process listens. Fails with EADDRINUSE if a
/// process listens on the file, or if the file is not a socket. The error has the errno in
/// `sysErrno`, and its text names the address.
Result<UniqueFd> openListener(const SocketAddress& address, const ListenOptions& options = {});

/// Opens one listener for all IPv4 and IPv6 addresses of the host. If the kernel has no IPv6, the
/// listener accepts IPv4 alone.
Result<UniqueFd> openWildcardListener(uint16_t port, const ListenOptions& options = {});

/// Returns the local address of a listener or connection (getsockname), or "no address" on error.
SocketAddress boundAddress(int fd);
/// Returns `*:PORT` for a dual-stack wildcard listener, because `[::]:PORT` stands for an IPv6-only
/// listener in the configuration. Otherwise returns boundAddress().text().
std::string listenerText(int fd);

/// Checks whether a listener could be bound to this UNIX address now. Does not bind, and does not
/// remove a stale file.
Result<void> checkUnixListener(const SocketAddress& address);

/// Removes the socket file of a closed UNIX listener if no process listens on it. Does nothing for
/// other families. Ignores errors, because culvert may not be allowed to remove the file after a
/// privilege drop. The next start of culvert then replaces the stale file.
void removeUnixSocket(const SocketAddress& address);

struct AcceptResult {
  UniqueFd fd;         ///< valid if a connection was accepted
  SocketAddress peer;  ///< an IPv4-mapped address is already converted to IPv4
  int error = 0;       ///< if fd is not valid, the errno; EAGAIN means that no connection waits
};

/// Calls accept4(NONBLOCK | CLOEXEC) once. A TCP connection inherits the listener's options. A UNIX
/// socket inherits no options, so this function applies keepUrgentInline().
AcceptResult acceptOne(int listenFd);

/// True if accept() failed because of one connection in the queue (ECONNABORTED, EPROTO, the
/// network errors of accept(2)). The caller then accepts the next connection. False for EAGAIN, for
/// lack of resources (EMFILE, ENFILE, ENOBUFS, ENOMEM), and for a broken listener.
bool acceptErrorIsTransient(int error);

struct ConnectStart {
  UniqueFd fd;  ///< valid if the connect succeeded or is in progress
  bool connected =
      false;  ///< if false and fd is valid, wait until fd is writable, then call connectResult()
  int error = 0;  ///< errno if fd is not valid
};

/// Calls socket(), keepUrgentInline() and a nonblocking connect(). A UNIX socket connects or fails
/// at once. It fails with ENOENT (no such file), ECONNREFUSED (no listener), or EAGAIN (the
/// listener's queue is full; try again later).
ConnectStart startConnect(const SocketAddress& address);

/// True if the socket is writable now, or if its connect has just succeeded or failed.
bool canWrite(int fd);

/// Returns the result of a connect that was in progress (SO_ERROR): 0 if it succeeded, otherwise
/// its errno. Call this once, because the kernel clears the errno when it is read.
int connectResult(int fd);

/// Sets TCP_NODELAY. Like the setters below, returns 0 or an errno. On a UNIX socket, setters of
/// TCP options have no effect and return 0.
int setNoDelay(int fd);
/// Keeps TCP's urgent byte in the normal stream (SO_OOBINLINE). Without this option the byte would
/// be lost. UNIX sockets have an urgent byte too, since Linux 5.15.
int keepUrgentInline(int fd);
/// Sets the options of a tunnel's sockets: no delay, urgent byte inline, and keepalive that detects
/// a vanished peer after two minutes.
int setTunnelSocketOptions(int fd);
/// Limits unsent bytes (TCP_NOTSENT_LOWAT). The socket is not writable while the number of unsent
/// bytes in the kernel is at least `bytes`.
int setNotSentLowat(int fd, uint32_t bytes);
/// Makes the next close() send RST and discard unsent bytes (SO_LINGER 0). UNIX sockets do not
/// support this. Their peer gets EOF, or ECONNRESET if culvert left input unread.
int setLingerReset(int fd);

/// Returns the number of written bytes that the peer's kernel has not acknowledged (SIOCOUTQ). For
/// a UNIX socket, returns the memory, including overhead, of bytes that the peer has not read. The
/// memory is 0 if and only if the peer has read everything. Returns 0 on error.
size_t outQueueBytes(int fd);

/// True if the connection was reset or has timed out (POLLERR). Does not clear the socket's errno,
/// so a later read still returns it. False after a clean close. The function ignores POLLHUP,
/// because a clean close sets it too: both TCP peers have sent a FIN, or a UNIX peer has closed
/// while its bytes wait to be read. Use this function for sockets without a watcher.
bool hungUp(int fd);

}  // namespace culvert
