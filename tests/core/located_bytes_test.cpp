#include <sinter/core/tensor.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"
#include <array>
#include <cstring>
#include <thread>
#include <vector>

using namespace sinter;

namespace {

/// A file of the bytes 0, 1, 2, …, 99.
std::shared_ptr<input_file const> numbered_file(temporary_folder const& folder) {
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes += static_cast<char>(i);
  return input_file::open(folder.write("numbers", bytes), 100);
}

}  // namespace

TEST_CASE("bytes in a file are copied to memory once, for all threads", "[core]") {
  temporary_folder const folder;
  located_bytes const where(numbered_file(folder), 3, 64);
  CHECK(where.resident() == nullptr);
  std::array<std::byte const*, 4> seen{};
  {
    std::vector<std::jthread> threads;
    for (auto& s : seen) threads.emplace_back([&] { s = where.make_resident(); });
  }
  for (auto const* s : seen) CHECK(s == seen[0]);
  CHECK(where.resident() == seen[0]);
  CHECK(reinterpret_cast<std::uintptr_t>(seen[0]) % 64 == 0);
  for (std::size_t i = 0; i < 64; ++i) CHECK(seen[0][i] == std::byte(i + 3));
}

TEST_CASE("large tensors are copied to memory that huge pages can hold", "[core]") {
  temporary_folder const folder;
  std::string bytes;
  for (std::size_t i = 0; i < huge_page + 5; ++i) bytes += static_cast<char>(i * 31 % 251);
  located_bytes const where(input_file::open(folder.write("large", bytes), bytes.size()), 5, huge_page);
  auto const* const copy = where.make_resident();
  CHECK(reinterpret_cast<std::uintptr_t>(copy) % huge_page == 0);
  CHECK(std::memcmp(copy, bytes.data() + 5, huge_page) == 0);
}

TEST_CASE("parts of bytes in a file are the same before and after they are copied", "[core]") {
  temporary_folder const folder;
  located_bytes const where(numbered_file(folder), 5, 60);
  for (int turn = 0; turn < 2; ++turn, where.make_resident()) {
    std::array<std::byte, 7> part{};
    where.read(50, part);
    for (std::size_t i = 0; i < part.size(); ++i) CHECK(part[i] == std::byte(i + 55));
  }
}

TEST_CASE("a tensor in a file keeps it open and has a number of its own", "[core]") {
  temporary_folder const folder;
  auto file = numbered_file(folder);
  std::weak_ptr<input_file const> const owner = file;
  auto const locate = [&](std::size_t offset) { return std::make_shared<located_bytes const>(file, offset, 64); };
  {
    any_tensor const t(dtype::uint32, {16}, locate(1)), other(dtype::uint32, {16}, locate(1));
    auto const copy = t;
    file.reset();
    CHECK(t.number() != 0);
    CHECK(t.number() != other.number());
    CHECK(copy.number() == t.number());
    CHECK(copy.shares_elements(t));
    CHECK_FALSE(copy.shares_elements(other));
    std::uint32_t second = 0;
    t.read(4, std::as_writable_bytes(std::span(&second, 1)));
    CHECK(second == 0x08070605u);
    CHECK(t.resident() == nullptr);
    CHECK(t.as<std::uint32_t>()[1] == second);
    CHECK(copy.data() == t.data());
    CHECK(t.resident() == t.data());
  }
  CHECK(owner.expired());
}

TEST_CASE("a tensor in memory has no number and is read alike", "[core]") {
  auto const t = any_tensor::of<float>({3}, {1, 2, 3});
  CHECK(t.number() == 0);
  CHECK(t.resident() == t.data());
  std::array<float, 2> part{};
  t.read(4, std::as_writable_bytes(std::span(part)));
  CHECK(part == std::array<float, 2>{2, 3});
  auto const equal = any_tensor::of<float>({3}, {1, 2, 3});
  CHECK_FALSE(t.shares_elements(equal));
  auto const copy = t;
  CHECK(t.shares_elements(copy));
}
