// SPDX-License-Identifier: GPL-3.0-or-later
// Reads PEM blocks. wolfCrypt decodes the base64 in them.
#include "tls/x509/pem.h"

#include <fmt/format.h>

#include <algorithm>

#include "tls/library/wolfssl.h"

namespace culvert {

namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";

/// Cuts the RFC 1421 headers ("Proc-Type: ...") and the empty line after them from the block's
/// body.
void cutHeaders(PemBlock& block) {
  if (block.body.find(':') == std::string_view::npos) return;
  block.encrypted = block.body.find("ENCRYPTED") != std::string_view::npos;
  for (std::string_view gap : {"\n\n", "\r\n\r\n", "\n\r\n"}) {
    size_t at = block.body.find(gap);
    if (at == std::string_view::npos) continue;
    block.headers = block.body.substr(0, at);
    block.body.remove_prefix(at + gap.size());
    return;
  }
}

}  // namespace

Result<std::vector<PemBlock>> scanPem(std::string_view text) {
  std::vector<PemBlock> blocks;
  size_t at = 0;
  while ((at = text.find(kBegin, at)) != std::string_view::npos) {
    size_t labelAt = at + kBegin.size();
    size_t labelEnd = text.find(kDashes, labelAt);
    if (labelEnd == std::string_view::npos || labelEnd - labelAt > 64 ||
        text.substr(labelAt, labelEnd - labelAt).find('\n') != std::string_view::npos)
      return fail("a -----BEGIN line is malformed");
    PemBlock block;
    block.label = text.substr(labelAt, labelEnd - labelAt);
    size_t bodyAt = labelEnd + kDashes.size();
    std::string end = fmt::format("{}{}{}", kEnd, block.label, kDashes);
    size_t bodyEnd = text.find(end, bodyAt);
    size_t nextBegin = text.find(kBegin, bodyAt);
    if (bodyEnd == std::string_view::npos || nextBegin < bodyEnd)
      return fail(
          fmt::format("block {} (-----BEGIN {}-----) has no end line {}: is the file cut short?",
                      blocks.size() + 1, block.label, end));
    block.whole = text.substr(at, bodyEnd + end.size() - at);
    block.body = text.substr(bodyAt, bodyEnd - bodyAt);
    cutHeaders(block);
    blocks.push_back(block);
    at = bodyEnd + end.size();
  }
  return blocks;
}

Result<SecretBytes> decodePem(const PemBlock& block) {
  SecretBytes out(block.body.size() / 4 * 3 + 3);
  word32 size = static_cast<word32>(out.size());
  int result = Base64_Decode(reinterpret_cast<const byte*>(block.body.data()),
                             static_cast<word32>(block.body.size()), out.data(), &size);
  if (result != 0 || size == 0)
    return fail(fmt::format("the contents of -----BEGIN {}----- are not base64", block.label));
  out.truncate(size);
  return out;
}

bool isKeyLabel(std::string_view label) {
  return label.size() >= 11 && label.substr(label.size() - 11) == "PRIVATE KEY";
}

bool isCertificateLabel(std::string_view label) {
  return label == "CERTIFICATE" || label == "X509 CERTIFICATE";
}

}  // namespace culvert
