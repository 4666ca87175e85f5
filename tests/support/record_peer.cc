// SPDX-License-Identifier: GPL-3.0-or-later
// A TLS client on OpenSSL that reads or writes tens of millions of records in a minute. It hashes
// the payload, counts records and KeyUpdates, and prints one line of JSON. Built by the tests
// (test_many_records.py).
//
// usage: record_peer PORT CA_FILE read                  reads until close_notify
//        record_peer PORT CA_FILE write RECORDS SIZE    writes RECORDS records of SIZE bytes
// environment: PEER_VERSION=1.2 for TLS 1.2 instead of 1.3, PEER_SUITE= an OpenSSL name of a suite
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

[[noreturn]] void quit(const char* what) {
  std::fprintf(stderr, "record_peer: %s\n", what);
  ERR_print_errors_fp(stderr);
  std::exit(2);
}

int connectTo(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    quit("cannot connect");
  return fd;
}

/// Counts the KeyUpdates that arrive.
void onMessage(int sent, int, int type, const void* bytes, size_t size, SSL*, void* count) {
  if (sent == 0 && type == SSL3_RT_HANDSHAKE && size > 0 &&
      *static_cast<const unsigned char*>(bytes) == SSL3_MT_KEY_UPDATE)
    ++*static_cast<int*>(count);
}

/// Hashes in large pieces, because the start of each costs as much as the hash of a short record.
class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new()) { EVP_DigestInit_ex(context_, EVP_sha256(), nullptr); }
  void add(const uint8_t* bytes, size_t size) {
    if (held_.size() + size > kPiece) flush();
    held_.insert(held_.end(), bytes, bytes + size);
  }
  std::string hex() {
    flush();
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(context_, hash, &size);
    std::string text(2 * size, ' ');
    for (unsigned i = 0; i < size; ++i) std::snprintf(&text[2 * i], 3, "%02x", hash[i]);
    return text;
  }

 private:
  static constexpr size_t kPiece = 1 << 18;
  void flush() {
    EVP_DigestUpdate(context_, held_.data(), held_.size());
    held_.clear();
  }
  EVP_MD_CTX* context_;
  std::vector<uint8_t> held_;
};

SSL* newSession(const char* port, const char* caFile, int* keyUpdates) {
  const char* version = std::getenv("PEER_VERSION");
  const char* suite = std::getenv("PEER_SUITE");
  const bool old = version != nullptr && std::strcmp(version, "1.2") == 0;
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, old ? TLS1_2_VERSION : TLS1_3_VERSION);
  SSL_CTX_set_max_proto_version(context, old ? TLS1_2_VERSION : TLS1_3_VERSION);
  if (suite != nullptr && (old ? SSL_CTX_set_cipher_list(context, suite)
                               : SSL_CTX_set_ciphersuites(context, suite)) != 1)
    quit("no such suite");
  if (SSL_CTX_load_verify_locations(context, caFile, nullptr) != 1) quit("cannot load the CA");
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, 1 << 18);
  SSL* ssl = SSL_new(context);
  SSL_set1_host(ssl, "localhost");
  SSL_set_tlsext_host_name(ssl, "localhost");
  BIO* socket = BIO_new_socket(connectTo(std::atoi(port)), BIO_CLOSE);
  // OpenSSL makes a system call for each record; the buffer gathers many.
  BIO* buffer = BIO_new(BIO_f_buffer());
  BIO_set_write_buffer_size(buffer, 1 << 16);
  BIO_up_ref(socket);
  SSL_set_bio(ssl, socket, BIO_push(buffer, socket));
  SSL_set_msg_callback(ssl, onMessage);
  SSL_set_msg_callback_arg(ssl, keyUpdates);
  if (SSL_connect(ssl) != 1) quit("the handshake failed");
  return ssl;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 && argc != 6) quit("usage: record_peer PORT CA_FILE read | write RECORDS SIZE");
  int keyUpdates = 0;
  SSL* ssl = newSession(argv[1], argv[2], &keyUpdates);
  Digest digest;
  uint64_t records = 0, bytes = 0;
  if (argc == 4) {
    // SSL_read returns the rest of one record at most.
    uint8_t buffer[1 << 14];
    for (int n = 0; (n = SSL_read(ssl, buffer, sizeof(buffer))) > 0; ++records) {
      digest.add(buffer, static_cast<size_t>(n));
      bytes += static_cast<uint64_t>(n);
    }
    if ((SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) == 0) quit("no close_notify");
  } else {
    const uint64_t count = std::strtoull(argv[4], nullptr, 10);
    std::vector<uint8_t> payload(std::strtoull(argv[5], nullptr, 10), 'p');
    if (payload.size() < sizeof(records)) quit("a record must have at least 8 bytes");
    for (; records < count; ++records) {
      std::memcpy(payload.data(), &records, sizeof(records));  // every record differs
      digest.add(payload.data(), payload.size());
      bytes += payload.size();
      if (SSL_write(ssl, payload.data(), static_cast<int>(payload.size())) <= 0)
        quit("cannot write");
    }
  }
  SSL_shutdown(ssl);
  BIO_flush(SSL_get_wbio(ssl));
  std::printf(
      "{\"suite\": \"%s\", \"records\": %llu, \"bytes\": %llu, \"key_updates\": %d, "
      "\"sha256\": \"%s\"}\n",
      SSL_get_cipher_name(ssl), static_cast<unsigned long long>(records),
      static_cast<unsigned long long>(bytes), keyUpdates, digest.hex().c_str());
  if (argc == 6) {
    uint8_t rest[64];
    while (SSL_read(ssl, rest, sizeof(rest)) > 0) {
    }
  }
}
