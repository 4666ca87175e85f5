// SPDX-License-Identifier: GPL-3.0-or-later
// See srv_lookup.h.
#include "backend/srv_lookup.h"

#include <arpa/nameser.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <resolv.h>

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>

#include "base/ascii.h"
#include "net/resolve.h"

namespace culvert {
namespace {

/// So long culvert looks up the targets of one answer. Other names wait meanwhile.
constexpr Millis kTargetsLimit{15'000};
constexpr size_t kMostAnswer = 65535;
constexpr size_t kSrvFixed = 6;  // priority, weight and port

std::string withoutDot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return std::string(name);
}

/// Expands the name at `at`, which may be compressed. Returns nothing if it is malformed.
std::optional<std::string> expandName(const ns_msg& message, const uint8_t* at) {
  std::array<char, NS_MAXDNAME> text{};
  if (::dn_expand(ns_msg_base(message), ns_msg_end(message), at, text.data(), text.size()) < 0)
    return std::nullopt;
  return withoutDot(text.data());
}

std::string rcodeWords(int code) {
  switch (code) {
    case ns_r_nxdomain:
      return "there is no such name";
    case ns_r_servfail:
      return "the name server failed (SERVFAIL)";
    case ns_r_refused:
      return "the name server refused (REFUSED)";
    default:
      return fmt::format("the name server returned the error {}", code);
  }
}

/// Checks everything in front of the answers.
Result<void> checkHead(ns_msg& message, const std::string& name) {
  if (ns_msg_getflag(message, ns_f_qr) == 0) return fail("the answer is not an answer");
  ns_rr question;
  if (ns_msg_count(message, ns_s_qd) != 1 || ::ns_parserr(&message, ns_s_qd, 0, &question) != 0 ||
      ns_rr_type(question) != ns_t_srv ||
      !equalNoCase(withoutDot(ns_rr_name(question)), withoutDot(name)))
    return fail("the answer belongs to another question");
  if (const int code = ns_msg_getflag(message, ns_f_rcode); code != ns_r_noerror)
    return fail(rcodeWords(code));
  if (ns_msg_getflag(message, ns_f_tc) != 0) return fail("the answer is truncated");
  return {};
}

bool isHostName(const std::string& name) {
  const auto spec = parseAddress(name + ":1", AddressUse::kBackend);
  return spec && spec->kind == AddressKind::kHostName;
}

/// What the answers of a packet say about one name.
struct NameAnswers {
  std::vector<SrvRecord> records;
  std::string alias;     // the name of a CNAME
  bool refused = false;  // the target is ".": the domain does not offer the service
  size_t unusable = 0;   // records whose target or port cannot be used
  uint32_t ttl = UINT32_MAX;
};

void takeSrv(const ns_msg& message, const ns_rr& record, NameAnswers& out) {
  const uint8_t* data = ns_rr_rdata(record);
  if (ns_rr_rdlen(record) <= kSrvFixed) return void(++out.unusable);
  const auto target = expandName(message, data + kSrvFixed);
  SrvRecord made{.priority = static_cast<uint16_t>(ns_get16(data)),
                 .weight = static_cast<uint16_t>(ns_get16(data + 2)),
                 .port = static_cast<uint16_t>(ns_get16(data + 4)),
                 .target = {}};
  if (target && target->empty()) return void(out.refused = true);
  if (!target || made.port == 0 || !isHostName(*target)) return void(++out.unusable);
  made.target = lower(*target);
  if (out.records.size() < SrvAnswer::kMostRecords) out.records.push_back(std::move(made));
}

Result<NameAnswers> answersFor(ns_msg& message, const std::string& name) {
  NameAnswers out;
  for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
    ns_rr record;
    if (::ns_parserr(&message, ns_s_an, i, &record) != 0) return fail("the answer is malformed");
    if (ns_rr_class(record) != ns_c_in || !equalNoCase(withoutDot(ns_rr_name(record)), name))
      continue;
    if (ns_rr_type(record) != ns_t_srv && ns_rr_type(record) != ns_t_cname) continue;
    out.ttl = std::min<uint32_t>(out.ttl, ns_rr_ttl(record));
    if (ns_rr_type(record) == ns_t_srv) {
      takeSrv(message, record, out);
    } else if (const auto alias = expandName(message, ns_rr_rdata(record))) {
      out.alias = *alias;
    } else {
      return fail("the answer is malformed");
    }
  }
  return out;
}

auto orderOf(const SrvRecord& record) {
  return std::tuple(record.priority, -static_cast<int>(record.weight),
                    std::string_view(record.target), record.port);
}

}  // namespace

Result<SrvAnswer> parseSrvAnswer(std::span<const uint8_t> packet, const std::string& name) {
  ns_msg message;
  if (packet.size() > kMostAnswer ||
      ::ns_initparse(packet.data(), static_cast<int>(packet.size()), &message) != 0)
    return fail("the answer is malformed");
  if (const auto sound = checkHead(message, name); !sound) return tl::unexpected(sound.error());
  constexpr int kMostAliases = 8;
  std::string owner = withoutDot(name);
  uint32_t ttl = UINT32_MAX;
  for (int aliases = 0; aliases <= kMostAliases; ++aliases) {
    auto found = answersFor(message, owner);
    if (!found) return tl::unexpected(found.error());
    ttl = std::min(ttl, found->ttl);
    if (!found->records.empty()) {
      std::sort(found->records.begin(), found->records.end(),
                [](const auto& a, const auto& b) { return orderOf(a) < orderOf(b); });
      return SrvAnswer{std::move(found->records), Millis(int64_t{ttl} * 1000)};
    }
    if (found->refused) return fail("the domain does not offer this service (target \".\")");
    if (found->unusable != 0) return fail("no record has a host name and a port");
    if (found->alias.empty()) return fail("the name has no SRV record");
    owner = found->alias;
  }
  return fail("the name has too many aliases");
}

Result<SrvAnswer> querySrv(const std::string& name) {
  const auto failed = [&name](std::string_view why) {
    return fail(fmt::format("cannot resolve srv:{}: {}", name, why));
  };
  struct ResolverState {
    struct __res_state state {};
    bool ready = ::res_ninit(&state) == 0;
    ~ResolverState() {
      if (ready) ::res_nclose(&state);
    }
  } resolver;
  if (!resolver.ready) return failed("/etc/resolv.conf cannot be read");
  std::array<uint8_t, 512> question{};
  const int length = ::res_nmkquery(&resolver.state, ns_o_query, name.c_str(), ns_c_in, ns_t_srv,
                                    nullptr, 0, nullptr, question.data(), question.size());
  if (length < 0) return failed("the name is too long");
  std::vector<uint8_t> packet(kMostAnswer);
  const int size = ::res_nsend(&resolver.state, question.data(), length, packet.data(),
                               static_cast<int>(packet.size()));
  if (size < 0) return failed("no name server answers");
  packet.resize(std::min(static_cast<size_t>(size), packet.size()));
  auto answer = parseSrvAnswer(packet, name);
  if (!answer) return failed(answer.error().text);
  return answer;
}

Result<TargetSet> resolveTargets(const SrvAnswer& answer, const HostToAddresses& lookup) {
  const TimePoint end = Clock::now() + kTargetsLimit;
  TargetSet set;
  std::optional<Error> first;
  for (const SrvRecord& record : answer.records) {
    if (Clock::now() > end) break;
    const auto found = lookup(record.target, record.port);
    if (!found) {
      if (!first) first = found.error();
      continue;
    }
    for (const SocketAddress& address : *found) {
      if (std::find(set.addresses.begin(), set.addresses.end(), address) != set.addresses.end())
        continue;
      set.addresses.push_back(address);
      set.ranks.push_back({record.priority, record.weight});
    }
  }
  if (!set.addresses.empty()) return set;
  if (first) return tl::unexpected(*first);
  return fail("no target has an address");
}

Result<TargetSet> resolveSrv(const std::string& name) {
  const auto records = querySrv(name);
  if (!records) return tl::unexpected(records.error());
  return resolveTargets(*records, resolveHost);
}

}  // namespace culvert
