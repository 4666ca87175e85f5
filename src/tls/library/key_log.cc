// SPDX-License-Identifier: GPL-3.0-or-later
// See key_log.h.
#include "tls/library/key_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/hex.h"
#include "tls/library/tls_library.h"
#include "tls/library/wolfssl.h"

// culvert writes key logs only if it was built for key logs, because the wolfSSL of a distribution
// may have the callbacks too. wolfSSL releases before 5.9 report the secrets of TLS 1.3 only.
#if defined(CULVERT_KEYLOG) && defined(HAVE_SECRET_CALLBACK) && LIBWOLFSSL_VERSION_HEX >= 0x05009000
#define CULVERT_HAS_SECRETS 1
#endif

namespace culvert {
namespace {

#ifdef CULVERT_HAS_SECRETS
constexpr size_t kRandomSize = 32;

/// Returns the client random, by which a reader of the key log finds the secrets of a connection.
/// Empty if wolfSSL has no client random.
std::span<const uint8_t> clientRandom(WOLFSSL* ssl, std::array<uint8_t, kRandomSize>& into) {
  return {into.data(), wolfSSL_get_client_random(ssl, into.data(), into.size())};
}

const char* labelOf(int id) {
  switch (id) {
    case CLIENT_EARLY_TRAFFIC_SECRET:
      return "CLIENT_EARLY_TRAFFIC_SECRET";
    case CLIENT_HANDSHAKE_TRAFFIC_SECRET:
      return "CLIENT_HANDSHAKE_TRAFFIC_SECRET";
    case SERVER_HANDSHAKE_TRAFFIC_SECRET:
      return "SERVER_HANDSHAKE_TRAFFIC_SECRET";
    case CLIENT_TRAFFIC_SECRET:
      return "CLIENT_TRAFFIC_SECRET_0";
    case SERVER_TRAFFIC_SECRET:
      return "SERVER_TRAFFIC_SECRET_0";
    case EXPORTER_SECRET:
      return "EXPORTER_SECRET";
    default:
      return nullptr;
  }
}

int onSecret13(WOLFSSL* ssl, int id, const unsigned char* secret, int size, void* keyLog) {
  std::array<uint8_t, kRandomSize> random;
  if (const char* label = labelOf(id))
    static_cast<const KeyLog*>(keyLog)->add(label, clientRandom(ssl, random),
                                            {secret, static_cast<size_t>(size)});
  return 0;
}

int onMasterSecret(WOLFSSL* ssl, void* secret, int size, void* keyLog) {
  std::array<uint8_t, kRandomSize> random;
  static_cast<const KeyLog*>(keyLog)->add(
      "CLIENT_RANDOM", clientRandom(ssl, random),
      {static_cast<const uint8_t*>(secret), static_cast<size_t>(size)});
  return 0;
}
#endif

}  // namespace

Result<void> KeyLog::supported() {
#ifdef CULVERT_HAS_SECRETS
  return {};
#elif LIBWOLFSSL_VERSION_HEX >= 0x05009000
  return fail(
      "this culvert was built without key log support; build one with `make WOLFSSL_KEYLOG=1`");
#else
  return fail(fmt::format("wolfSSL {} cannot report TLS secrets", tlsLibraryVersion()));
#endif
}

Result<void> KeyLog::open() {
  if (fd_) return {};
  const std::string what = "cannot write " + path_;
  UniqueFd fd(::open(path_.c_str(),
                     O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!fd) return failErrno(what, errno);
  struct stat file {};
  if (::fstat(fd.get(), &file) != 0) return failErrno(what, errno);
  if (!S_ISREG(file.st_mode)) return fail(what + ": it is not a regular file");
  // The secrets could be read by another user who owns the file, or through another hard link.
  if (file.st_uid != ::geteuid())
    return fail(fmt::format("{}: it belongs to user {}, and culvert runs as user {}", what,
                            file.st_uid, ::geteuid()));
  if (file.st_nlink != 1) return fail(what + ": it has more than one hard link");
  // If the file existed before, its mode may let other users read it.
  if ((file.st_mode & 0777) != 0600 && ::fchmod(fd.get(), 0600) != 0)
    return failErrno(what + " with mode 0600", errno);
  fd_ = std::move(fd);
  return {};
}

void KeyLog::add(std::string_view label, std::span<const uint8_t> clientRandom,
                 std::span<const uint8_t> secret) const {
  try {
    std::string line(label);
    line += ' ';
    appendHex(line, clientRandom);
    line += ' ';
    appendHex(line, secret);
    line += '\n';
    (void)!::write(fd_.get(), line.data(), line.size());
  } catch (const std::bad_alloc&) {  // the exception must not pass through wolfSSL's C code
  }
}

void KeyLog::attach([[maybe_unused]] WOLFSSL* ssl) const {
#ifdef CULVERT_HAS_SECRETS
  auto* self = const_cast<KeyLog*>(this);  // wolfSSL stores a non-const pointer
  wolfSSL_set_tls13_secret_cb(ssl, onSecret13, self);
  wolfSSL_set_secret_cb(ssl, onMasterSecret, self);
  wolfSSL_KeepArrays(ssl);  // finish() reads the arrays
#endif
}

void KeyLog::finish([[maybe_unused]] WOLFSSL* ssl) const {
#ifdef CULVERT_HAS_SECRETS
  if (wolfSSL_session_reused(ssl) != 0 && wolfSSL_GetVersion(ssl) == WOLFSSL_TLSV1_2) {
    unsigned char *master = nullptr, *server = nullptr, *client = nullptr;
    unsigned int masterSize = 0, serverSize = 0, clientSize = 0;
    if (wolfSSL_get_keys(ssl, &master, &masterSize, &server, &serverSize, &client, &clientSize) ==
        WOLFSSL_SUCCESS)
      add("CLIENT_RANDOM", {client, clientSize}, {master, masterSize});
  }
  wolfSSL_FreeArrays(ssl);
#endif
}

}  // namespace culvert
