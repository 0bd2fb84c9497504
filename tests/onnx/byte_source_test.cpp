#include <sinter/onnx/byte_source.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"
#include <vector>

using namespace sinter;
using sinter::onnx::byte_source, sinter::onnx::byte_window;

namespace {

std::string numbers(std::size_t count) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) bytes += static_cast<char>(i * 31 + i / 251);
  return bytes;
}

}  // namespace

TEST_CASE("a source and a window over it give the same bytes from memory and from a file", "[onnx]") {
  temporary_folder const folder;
  auto const bytes = numbers(20'000);
  std::vector const sources{byte_source(std::as_bytes(std::span(bytes))),
                            byte_source(input_file::open(folder.write("f", bytes), bytes.size()))};
  for (auto const& source : sources) {
    REQUIRE(source.size() == bytes.size());
    auto const part = source.part(100, 15'000).part(11, 14'000);
    REQUIRE(part.size() == 14'000);
    std::string read(500, ' ');
    part.read(13'500, std::as_writable_bytes(std::span(read)));
    CHECK(read == bytes.substr(13'611, 500));

    byte_window window(part);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < part.size(); ++i) wrong += window[i] != std::byte(bytes[i + 111]);
    for (std::size_t i = part.size(); i-- > 0;) wrong += window[i] != std::byte(bytes[i + 111]);
    CHECK(wrong == 0);
    std::string copied = "+";
    window.append(3, 13'999, copied);
    window.append(7, 7, copied);
    window.append(13'999, 14'000, copied);
    CHECK(copied == "+" + bytes.substr(114, 13'997));
  }
}
