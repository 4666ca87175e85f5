// SPDX-License-Identifier: GPL-3.0-or-later
// KeyCache: each owner finds its own key, also after others took its place.
#include "tls/record/key_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "tls/record/record_cipher.h"
#include "unit/tls/support/peer_records.h"

namespace culvert {
namespace {

using Key = std::array<uint8_t, 16>;

struct Owner {
  Key key{};
  uint16_t place = KeyCache::kNoPlace;

  ExpandedKey* find(KeyCache& cache) { return cache.find(this, place, AeadKind::kAes128Gcm, key); }
};

/// The tag of an empty text tells keys apart.
std::array<uint8_t, kAeadTag> tagOf(ExpandedKey& key) {
  std::array<uint8_t, kAeadTag> tag{};
  const uint8_t nothing = 0;
  EXPECT_TRUE(
      aeadFor(AeadKind::kAes128Gcm)
          .seal(key, AeadNonce{}, std::span(&nothing, 1), std::span(&nothing, 0), {}, tag.data()));
  return tag;
}

std::array<uint8_t, kAeadTag> tagOf(const Key& key) {
  ExpandedKey expanded;
  EXPECT_TRUE(aeadFor(AeadKind::kAes128Gcm).expand(AeadKind::kAes128Gcm, key, expanded));
  return tagOf(expanded);
}

bool isWiped(const ExpandedKey& key) {
  return std::ranges::all_of(key.bytes, [](uint8_t b) { return b == 0; });
}

std::vector<Owner> manyOwners(size_t count) {
  std::vector<Owner> owners(count);
  for (size_t i = 0; i < count; ++i)
    owners[i].key = {static_cast<uint8_t>(i), static_cast<uint8_t>(i >> 8)};
  return owners;
}

TEST(KeyCache, FindsTheSamePlaceAgain) {
  KeyCache cache;
  Owner owner{{1, 2, 3}};
  ExpandedKey* first = owner.find(cache);
  ASSERT_NE(first, nullptr);
  EXPECT_NE(owner.place, KeyCache::kNoPlace);
  EXPECT_EQ(tagOf(*first), tagOf(owner.key));
  EXPECT_EQ(owner.find(cache), first);
}

TEST(KeyCache, HoldsAsManyKeysAsItHasPlaces) {
  KeyCache cache;
  std::vector<Owner> owners = manyOwners(KeyCache::kPlaces);
  std::vector<ExpandedKey*> found;
  for (Owner& owner : owners) found.push_back(owner.find(cache));
  for (size_t i = 0; i < owners.size(); ++i) {
    EXPECT_EQ(owners[i].find(cache), found[i]) << i;
    EXPECT_EQ(tagOf(*found[i]), tagOf(owners[i].key)) << i;
  }
}

TEST(KeyCache, AnOwnerThatLostItsPlaceGetsAnother) {
  KeyCache cache;
  std::vector<Owner> owners = manyOwners(KeyCache::kPlaces + 1);
  for (Owner& owner : owners) ASSERT_NE(owner.find(cache), nullptr);
  EXPECT_EQ(owners.back().place, owners.front().place) << "the oldest place is given away";
  const uint16_t before = owners.front().place;
  EXPECT_EQ(tagOf(*owners.front().find(cache)), tagOf(owners.front().key));
  EXPECT_NE(owners.front().place, before);
  EXPECT_EQ(tagOf(*owners.back().find(cache)), tagOf(owners.back().key));
}

TEST(KeyCache, ThreeTimesAsManyOwnersAsPlaces) {
  KeyCache cache;
  std::vector<Owner> owners = manyOwners(3 * KeyCache::kPlaces);
  std::vector<std::array<uint8_t, kAeadTag>> tags;
  for (const Owner& owner : owners) tags.push_back(tagOf(owner.key));
  ByteSource source(1);
  for (int i = 0; i < 5000; ++i) {
    const size_t chosen = source.below(owners.size());
    ExpandedKey* key = owners[chosen].find(cache);
    ASSERT_NE(key, nullptr);
    ASSERT_EQ(tagOf(*key), tags[chosen]) << i;
    if (source.below(10) == 0) cache.forget(&owners[chosen], owners[chosen].place);
  }
}

TEST(KeyCache, ForgetWipesTheKey) {
  KeyCache cache;
  Owner owner{{1, 2, 3}};
  ExpandedKey* key = owner.find(cache);
  ASSERT_FALSE(isWiped(*key));
  cache.forget(&owner, owner.place);
  EXPECT_TRUE(isWiped(*key));
  EXPECT_EQ(owner.place, KeyCache::kNoPlace);
  cache.forget(&owner, owner.place);  // a second time is harmless

  owner.key[0] = 9;
  EXPECT_EQ(tagOf(*owner.find(cache)), tagOf(owner.key)) << "the new key, not the old one";
}

TEST(KeyCache, ForgetLeavesTheKeyOfAnother) {
  KeyCache cache;
  std::vector<Owner> owners = manyOwners(KeyCache::kPlaces + 1);
  for (Owner& owner : owners) owner.find(cache);
  ASSERT_EQ(owners.front().place, owners.back().place);
  cache.forget(&owners.front(), owners.front().place);
  EXPECT_EQ(tagOf(*owners.back().find(cache)), tagOf(owners.back().key));
}

TEST(KeyCache, AKeyThatCannotBeExpandedIsNotKept) {
  KeyCache cache;
  Owner owner;
  const std::vector<uint8_t> tooLong(17);
  EXPECT_EQ(cache.find(&owner, owner.place, AeadKind::kAes128Gcm, tooLong), nullptr);
  EXPECT_EQ(cache.find(&owner, owner.place, AeadKind::kAes128Gcm, tooLong), nullptr);
  ASSERT_NE(owner.find(cache), nullptr);
  EXPECT_EQ(tagOf(*owner.find(cache)), tagOf(owner.key));
}

/// Ciphers of more directions than the cache has places, used in turn.
TEST(KeyCache, CiphersSurviveAFullCache) {
  for (const RecordSuite& suite : everyRecordSuite()) {
    SCOPED_TRACE(nameOf(suite));
    SessionKeys keys;
    makeKeys(suite, keys);
    KeyCache cache;
    std::vector<std::unique_ptr<RecordCipher>> sealers, openers;
    for (int i = 0; i < 200; ++i) {
      keys.in.key[0] = static_cast<uint8_t>(i);
      sealers.push_back(std::make_unique<RecordCipher>(cache, keys.cipher, keys.in));
      openers.push_back(std::make_unique<RecordCipher>(cache, keys.cipher, keys.in));
    }
    const uint8_t text[] = {1, 2, 3};
    for (int round = 0; round < 2; ++round) {
      for (size_t i = 0; i < sealers.size(); ++i) {
        std::vector<uint8_t> record(sizeof text + sealers[i]->overhead());
        ASSERT_TRUE(sealers[i]->seal(kApplicationData, text, record.data()));
        ASSERT_TRUE(openers[i]->open(record, record.data() + openers[i]->bodyStart()));
      }
    }
    // A cipher made at the address of one that is gone has its own key.
    for (auto& opener : openers) {
      keys.in.key[0] ^= 0xff;
      opener.reset();
      opener = std::make_unique<RecordCipher>(cache, keys.cipher, keys.in);
      RecordCipher sealer(cache, keys.cipher, keys.in);
      std::vector<uint8_t> record(sizeof text + sealer.overhead());
      ASSERT_TRUE(sealer.seal(kApplicationData, text, record.data()));
      ASSERT_TRUE(opener->open(record, record.data() + opener->bodyStart()));
    }
  }
}

}  // namespace
}  // namespace culvert
