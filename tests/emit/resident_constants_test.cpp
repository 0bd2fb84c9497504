#include <sinter/emit/cpp/resident_constants.hpp>
#include <sinter/onnx/mapped_file.hpp>

#include "catch.hpp"
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <unistd.h>
#include <vector>

using namespace sinter;

TEST_CASE("resident constants are those of the file, from any place in it, before and after") {
  auto const file = std::filesystem::temp_directory_path() / fmt::format("sinter_resident_{}", ::getpid());
  std::vector<char> bytes(5 << 20);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 + i / 4099);
  std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  {
    auto const mapped = onnx::map_file(file, bytes.size());
    auto const expected = std::as_bytes(std::span(bytes));
    for (std::size_t const offset : {0, 64, 70'000}) {
      auto const size = bytes.size() - offset - 3;
      auto const* const from = mapped.bytes.data() + offset;
      auto const* const copy = make_resident(from, size);
      CHECK(copy != from);
      CHECK(std::equal(copy, copy + size, expected.data() + offset));
      CHECK(std::equal(from, from + size, expected.data() + offset));
    }
  }
  std::filesystem::remove(file);
}
