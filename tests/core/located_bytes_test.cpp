#include <sinter/core/tensor.hpp>

#include "catch.hpp"
#include <array>
#include <thread>
#include <vector>

using namespace sinter;

namespace {

/// Bytes 0, 1, 2, … that start `shift` past a multiple of 16.
struct numbered_bytes {
  alignas(16) std::array<std::byte, 80> all{};
  explicit numbered_bytes(std::size_t shift) {
    for (std::size_t i = shift; i < all.size(); ++i) all[i] = std::byte(i - shift);
  }
};

std::shared_ptr<located_bytes const> locate(std::shared_ptr<numbered_bytes> memory, std::size_t shift) {
  auto const bytes = std::span<std::byte const>(memory->all).subspan(shift, 64);
  return std::make_shared<located_bytes const>(std::move(memory), bytes, 4);
}

}  // namespace

TEST_CASE("bytes that are aligned where they lie are not copied", "[core]") {
  auto const memory = std::make_shared<numbered_bytes>(4);
  auto const where = locate(memory, 4);
  CHECK(where->is_aligned());
  CHECK(where->aligned() == memory->all.data() + 4);
  CHECK(where->bytes() == memory->all.data() + 4);
}

TEST_CASE("bytes that are not aligned are copied once, for all threads", "[core]") {
  for (std::size_t const shift : {1u, 2u, 3u}) {
    auto const memory = std::make_shared<numbered_bytes>(shift);
    auto const where = locate(memory, shift);
    CHECK_FALSE(where->is_aligned());
    CHECK(where->bytes() == memory->all.data() + shift);
    std::array<std::byte const*, 4> seen{};
    {
      std::vector<std::jthread> threads;
      for (auto& s : seen) threads.emplace_back([&] { s = where->aligned(); });
    }
    for (auto const* s : seen) CHECK(s == seen[0]);
    CHECK(where->is_aligned());
    CHECK(reinterpret_cast<std::uintptr_t>(seen[0]) % 4 == 0);
    for (std::size_t i = 0; i < 64; ++i) CHECK(seen[0][i] == std::byte(i));
  }
}

TEST_CASE("a tensor of located bytes keeps their owner and has a number of its own", "[core]") {
  auto memory = std::make_shared<numbered_bytes>(1);
  std::weak_ptr<numbered_bytes> const owner = memory;
  {
    any_tensor const t(dtype::uint32, {16}, locate(memory, 1)), other(dtype::uint32, {16}, locate(memory, 1));
    auto const copy = t;
    CHECK(t.number() != 0);
    CHECK(t.number() != other.number());
    CHECK(copy.number() == t.number());
    memory.reset();
    CHECK(t.as<std::uint32_t>()[1] == 0x07060504u);
    CHECK(copy.data() == t.data());
    CHECK(static_cast<void const*>(t.unaligned()) != t.data());
  }
  CHECK(owner.expired());
  CHECK(any_tensor(dtype::float32, {1}).number() == 0);
}
