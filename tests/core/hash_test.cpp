#include <sinter/core/hash.hpp>

#include "catch.hpp"
#include <cstring>
#include <set>
#include <vector>

using namespace sinter;

namespace {

auto digest_of(std::vector<std::byte> const& bytes) {
  auto const d = content_digest(bytes);
  return std::pair(d.high, d.low);
}

}  // namespace

TEST_CASE("a digest depends on every bit, its place and the length", "[core]") {
  std::vector<std::byte> bytes(101, std::byte{0});
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen{digest_of(bytes)};
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      bytes[i] ^= std::byte(1 << bit);
      seen.insert(digest_of(bytes));
      bytes[i] ^= std::byte(1 << bit);
    }
  CHECK(seen.size() == 1 + 8 * bytes.size());
  for (std::size_t length = 0; length < bytes.size(); ++length)
    seen.insert(digest_of(std::vector<std::byte>(length, std::byte{0})));
  CHECK(seen.size() == 1 + 9 * bytes.size());
}

TEST_CASE("a hasher tells sequences apart by order", "[core]") {
  CHECK(hasher().add(1).add(2).value() != hasher().add(2).add(1).value());
  CHECK(hasher().add("ab").add("c").value() != hasher().add("a").add("bc").value());
  CHECK(hasher().add(1).value() == hasher().add(1).value());
}
