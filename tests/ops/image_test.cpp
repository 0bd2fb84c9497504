// ImageDecoder, on files written by hand.
#include "one_node.hpp"

using namespace sinter;

namespace {

any_tensor file_of(std::string_view text) {
  any_tensor t(dtype::uint8, {static_cast<std::int64_t>(text.size())});
  std::ranges::copy(text, static_cast<char*>(t.data()));
  return t;
}

attribute_map laid_out(std::string format) { return {{"pixel_format", std::move(format)}}; }

}  // namespace

#ifdef SINTER_IMAGES
TEST_CASE("ImageDecoder decodes pictures into rows of pixels") {
  auto const picture = file_of("P6 2 1 255 \x01\x02\x03\xc8\x64\x32");  // a portable pixmap
  auto const rgb = run("ImageDecoder", 20, {picture});
  CHECK(rgb.shape() == shape{1, 2, 3});
  CHECK(elements<std::uint8_t>(rgb) == std::vector<std::uint8_t>{1, 2, 3, 200, 100, 50});
  CHECK(elements<std::uint8_t>(run("ImageDecoder", 20, {picture}, laid_out("BGR"))) ==
        std::vector<std::uint8_t>{3, 2, 1, 50, 100, 200});
  auto const gray = run("ImageDecoder", 20, {picture}, laid_out("Grayscale"));
  CHECK(gray.shape() == shape{1, 2, 1});
  CHECK(elements<std::uint8_t>(gray) == std::vector<std::uint8_t>{2, 124});  // 0.299 200 + 0.587 100 + 0.114 50 = 124.2
}

TEST_CASE("ImageDecoder makes an empty picture of what is none") {
  for (auto const* const text : {"", "P6 2 1 255", "no picture", "\x89PNG\r\n\x1a\n", "BM"}) {
    CAPTURE(text);
    CHECK(run("ImageDecoder", 20, {file_of(text)}).shape() == shape{0, 0, 3});
    CHECK(run("ImageDecoder", 20, {file_of(text)}, laid_out("Grayscale")).shape() == shape{0, 0, 1});
  }
  CHECK_THAT(error_of("ImageDecoder", 20, {file_of("P6")}, laid_out("YUV")), says("YUV"));
  CHECK_THAT(error_of("ImageDecoder", 20, {floats({2}, {1, 2})}), says("expected uint8 of rank 1"));
}
#else
TEST_CASE("ImageDecoder without decoders says what to do") {
  CHECK_THAT(error_of("ImageDecoder", 20, {file_of("P6")}), says("-DSINTER_IMAGES=ON"));
}
#endif
