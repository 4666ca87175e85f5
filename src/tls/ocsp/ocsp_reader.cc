// SPDX-License-Identifier: GPL-3.0-or-later
// See ocsp_reader.h.
#include "tls/ocsp/ocsp_reader.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "tls/x509/der_reader.h"

namespace culvert {
namespace {

constexpr size_t kMaxSingles = 64;
constexpr size_t kMaxCertificates = 8;  // a response needs fewer certificates
constexpr std::array<uint8_t, 5> kSha1{0x2b, 0x0e, 0x03, 0x02, 0x1a};

std::optional<OcspSingle> readSingle(std::span<const uint8_t> body) {
  DerReader fields(body);
  const auto certId = fields.next(DerReader::kSequence);
  if (!certId) return std::nullopt;
  OcspSingle single;
  DerReader id(certId->body);
  const auto algorithm = id.next(DerReader::kSequence);
  if (!algorithm || !id.next(DerReader::kOctets) || !id.next(DerReader::kOctets))
    return std::nullopt;
  const auto oid = DerReader(algorithm->body).next(DerReader::kOid);
  single.sha1 = oid && std::equal(oid->body.begin(), oid->body.end(), kSha1.begin(), kSha1.end());
  const auto serial = id.next(DerReader::kInteger);
  if (!serial) return std::nullopt;
  const auto first =
      std::find_if(serial->body.begin(), serial->body.end(), [](uint8_t b) { return b != 0; });
  single.serial.assign(first, serial->body.end());

  const auto status = fields.next();
  const auto thisUpdate = fields.next(DerReader::kTime);
  if (!status || !thisUpdate) return std::nullopt;
  const uint8_t choice = status->tag & 0x1f;
  single.status = choice == 0   ? OcspCertStatus::kGood
                  : choice == 1 ? OcspCertStatus::kRevoked
                                : OcspCertStatus::kUnknown;
  const auto from = readGeneralizedTime(thisUpdate->body);
  if (!from) return std::nullopt;
  single.thisUpdate = *from;
  if (const auto wrapped = fields.next(DerReader::context(0))) {
    const auto nextUpdate = DerReader(wrapped->body).next(DerReader::kTime);
    single.nextUpdate = nextUpdate ? readGeneralizedTime(nextUpdate->body) : std::nullopt;
    if (!single.nextUpdate) return std::nullopt;
  }
  return single;
}

bool readSingles(std::span<const uint8_t> list, OcspSummary& summary) {
  DerReader singles(list);
  while (!singles.done() && summary.singles.size() < kMaxSingles) {
    const auto item = singles.next(DerReader::kSequence);
    auto single = item ? readSingle(item->body) : std::nullopt;
    if (!single) return false;
    summary.singles.push_back(std::move(*single));
  }
  return true;
}

/// Reads a BasicOCSPResponse from its start to the list of single responses.
bool readBasic(std::span<const uint8_t> basic, OcspSummary& summary) {
  const auto whole = DerReader(basic).next(DerReader::kSequence);
  const auto data = whole ? DerReader(whole->body).next(DerReader::kSequence) : std::nullopt;
  if (!data) return false;
  DerReader fields(data->body);
  fields.next(DerReader::context(0));  // version
  fields.next();                       // responderID
  if (!fields.next(DerReader::kTime)) return false;
  const auto list = fields.next(DerReader::kSequence);
  return list && readSingles(list->body, summary);
}

/// Returns the BasicOCSPResponse in a successful response.
std::optional<DerItem> basicOf(DerReader& fields) {
  const auto wrapped = fields.next(DerReader::context(0));
  const auto typed = wrapped ? DerReader(wrapped->body).next(DerReader::kSequence) : std::nullopt;
  if (!typed) return std::nullopt;
  DerReader bytes(typed->body);
  const auto type = bytes.next(DerReader::kOid);
  const auto basic = bytes.next(DerReader::kOctets);
  return type ? basic : std::nullopt;
}

}  // namespace

Result<OcspSummary> readOcspSummary(std::span<const uint8_t> response) {
  const auto malformed = [] { return fail("is not an OCSP response"); };
  const auto whole = DerReader(response).next(DerReader::kSequence);
  if (!whole) return malformed();
  DerReader fields(whole->body);
  const auto status = fields.next(DerReader::kEnumerated);
  if (!status || status->body.size() != 1) return malformed();
  OcspSummary summary;
  summary.responseStatus = status->body[0];
  if (summary.responseStatus != 0) return summary;
  const auto basic = basicOf(fields);
  if (!basic || !readBasic(basic->body, summary)) return malformed();
  return summary;
}

std::optional<OcspSignature> readOcspSignature(std::span<const uint8_t> response) {
  const auto whole = DerReader(response).next(DerReader::kSequence);
  if (!whole) return std::nullopt;
  DerReader fields(whole->body);
  (void)fields.next(DerReader::kEnumerated);
  const auto basic = basicOf(fields);
  const auto parts = basic ? DerReader(basic->body).next(DerReader::kSequence) : std::nullopt;
  if (!parts) return std::nullopt;
  DerReader reader(parts->body);
  const auto data = readSignedData(reader);
  if (!data) return std::nullopt;
  OcspSignature out{*data, {}};
  const auto wrapped = reader.next(DerReader::context(0));
  const auto list = wrapped ? DerReader(wrapped->body).next(DerReader::kSequence) : std::nullopt;
  DerReader certificates(list ? list->body : std::span<const uint8_t>());
  while (!certificates.done() && out.certificates.size() < kMaxCertificates) {
    const auto certificate = certificates.next(DerReader::kSequence);
    if (!certificate) return std::nullopt;
    out.certificates.push_back(certificate->whole);
  }
  return out;
}

std::string_view ocspResponseStatusName(uint8_t status) {
  static constexpr std::array<std::string_view, 7> kNames = {
      "successful", "malformedRequest", "internalError", "tryLater",
      "(4)",        "sigRequired",      "unauthorized"};
  return status < kNames.size() ? kNames[status] : "an unknown error";
}

std::optional<int64_t> readGeneralizedTime(std::span<const uint8_t> text) {
  if (text.size() != 15 || text[14] != 'Z') return std::nullopt;
  std::array<int, 14> digits{};
  for (size_t i = 0; i < digits.size(); ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    digits[i] = text[i] - '0';
  }
  const auto two = [&digits](size_t at) { return digits[at] * 10 + digits[at + 1]; };
  struct tm calendar {};
  calendar.tm_year = two(0) * 100 + two(2) - 1900;
  calendar.tm_mon = two(4) - 1;
  calendar.tm_mday = two(6);
  calendar.tm_hour = two(8);
  calendar.tm_min = two(10);
  calendar.tm_sec = two(12);
  if (calendar.tm_mon < 0 || calendar.tm_mon > 11 || calendar.tm_mday < 1 ||
      calendar.tm_mday > 31 || calendar.tm_hour > 23 || calendar.tm_min > 59 ||
      calendar.tm_sec > 60)
    return std::nullopt;
  return static_cast<int64_t>(::timegm(&calendar));
}

}  // namespace culvert
