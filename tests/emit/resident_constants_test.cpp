#include <sinter/emit/cpp/resident_constants.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"
#include <algorithm>
#include <fcntl.h>
#include <span>
#include <unistd.h>

using namespace sinter;

TEST_CASE("resident constants are those of the file, from any place in it, before and after") {
  temporary_folder const folder;
  std::string bytes(5 << 20, ' ');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 + i / 4099);
  int const file = ::open(folder.write("f", bytes).c_str(), O_RDONLY | O_CLOEXEC);
  void* const memory = ::mmap(nullptr, bytes.size(), PROT_READ, MAP_PRIVATE, file, 0);
  ::close(file);
  REQUIRE(memory != MAP_FAILED);
  auto const expected = std::as_bytes(std::span(bytes));
  for (std::size_t const offset : {0, 64, 70'000}) {
    auto const size = bytes.size() - offset - 3;
    auto const* const from = static_cast<std::byte const*>(memory) + offset;
    auto const* const copy = make_resident(from, size);
    CHECK(copy != from);
    CHECK(std::equal(copy, copy + size, expected.data() + offset));
    CHECK(std::equal(from, from + size, expected.data() + offset));
  }
  ::munmap(memory, bytes.size());
}
