#include <sinter/vector/hash.hpp>
#include <sinter/vector/interpret.hpp>
#include <sinter/vector/parse.hpp>
#include <sinter/vector/verify.hpp>

#include "catch.hpp"
#include "error_message.hpp"
#include "vector/tile_programs.hpp"
#include <bit>
#include <cmath>
#include <random>
#include <string>
#include <vector>

using namespace sinter;

namespace {

/// What the verifier says of `body`, on tiles.
std::string tile_complaint(std::string const& body) {
  auto const p = vector::parse(
      "kernel k w16\n  arg x i32 in 1024\n  arg h f16 in 4096\n  arg c i32 const 4096\n  arg y f32 out 1024\n" + body);
  return test::message_of([&] { vector::verify(p); });
}

/// One product of a row of `a` and a column of `b`, words each, added to `c`.
std::uint32_t product_of_words(vector::opcode op, std::vector<std::uint32_t> a, std::vector<std::uint32_t> b,
                               std::uint32_t c) {
  auto const depth = static_cast<std::int64_t>(a.size());
  vector::builder builder("product", 16);
  using vector::access, vector::element;
  auto const x = builder.argument("x", access::in, 4 * depth, element::i32);
  auto const w = builder.argument("w", access::in, 4 * depth, element::i32);
  auto const y = builder.argument("y", access::out, 4, element::i32);
  auto const sum = builder.tile_load(y.at(0), 1, 4, 4);
  builder.tile_dot_to(sum, op, builder.tile_load(x.at(0), 1, 4 * depth, 4 * depth),
                      builder.tile_load(w.at(0), depth, 4, 4));
  builder.tile_store(y.at(0), sum, 1, 4, 4);
  auto const p = std::move(builder).take();
  vector::verify(p);
  std::byte* const arguments[] = {reinterpret_cast<std::byte*>(a.data()), reinterpret_cast<std::byte*>(b.data()),
                                  reinterpret_cast<std::byte*>(&c)};
  vector::interpret(p, arguments);
  return c;
}

/// Of pairs of bfloat16, the low one first, and a float32.
float product_of_pairs(std::vector<std::pair<float, float>> const& a, std::vector<std::pair<float, float>> const& b,
                       float c) {
  auto const words = [](auto const& pairs) {
    std::vector<std::uint32_t> all;
    for (auto const& [low, high] : pairs)
      all.push_back(std::bit_cast<std::uint32_t>(low) >> 16 | (std::bit_cast<std::uint32_t>(high) & 0xffff0000u));
    return all;
  };
  return std::bit_cast<float>(
      product_of_words(vector::opcode::tile_dot2_bf16, words(a), words(b), std::bit_cast<std::uint32_t>(c)));
}

}  // namespace

TEST_CASE("programs on tiles pass, print and parse") {
  for (auto const& p : test::tile_programs(100)) {
    CHECK_NOTHROW(vector::verify(p));
    auto const text = vector::print(p);
    auto const q = vector::parse(text);
    CHECK(equal(p, q));
    CHECK(hash(p) == hash(q));
    CHECK(vector::print(q) == text);
    auto other = p;
    other.tables[0][2] += 4;
    CHECK_FALSE(equal(p, other));
    CHECK(hash(p) != hash(other));
  }
}

TEST_CASE("the text of tiles") {
  std::string const head = "kernel k w16\n  arg x i32 in 8192\n  arg y f32 out 1024\n";
  auto const text = head +
                    "  v0 = tile.zero 16x64\n"
                    "  loop 4 x+=64\n"
                    "    v1 = tile.load 16x32 x[0] by 256\n"
                    "    v2 = tile.load 8x64 x[4096] by 64\n"
                    "    v0 = tile.dot2.bf16 v1, v2, v0\n"
                    "    v0 = tile.dot4.u8s8 v1, v2, v0\n"
                    "  tile.store 16x64 y[0] by 64, v0\n";
  auto const p = vector::parse(text);
  CHECK(p.registers[0] == vector::register_type::tile);
  CHECK(vector::print(p) == text);
  CHECK_NOTHROW(vector::verify(p));
  CHECK_THROWS_WITH(vector::parse(head + "  v0 = tile.zero 16\n"), says("as in 16x64, not '16'"));
  CHECK_THROWS_WITH(vector::parse(head + "  v0 = tile.load 16x64 x[0]\n"), says("'by' is expected"));
}

TEST_CASE("tiles have a shape and lie in their arguments") {
  CHECK(tile_complaint("  v0 = tile.load 4x64 x[0] by 256\n").empty());
  CHECK_THAT(tile_complaint("  v0 = tile.load 5x64 x[0] by 256\n"), says("bytes 0 to 1088"));
  CHECK_THAT(tile_complaint("  loop 2 x+=200\n    v0 = tile.load 4x64 x[0] by 256\n"), says("bytes 0 to 1032"));
  CHECK_THAT(tile_complaint("  v0 = tile.load 16x64 x[0] by 1073741824\n"), says("are touched"));
  CHECK_THAT(tile_complaint("  v0 = tile.load 4x64 h[0] by 256\n"), says("tiles are moved in words, 'h' has f16"));
  CHECK_THAT(tile_complaint("  v0 = tile.load 4x64 bcast x[0] by 256\n"), says("a tile has no broadcast"));
  CHECK_THAT(tile_complaint("  v0 = tile.zero 4x64\n  tile.store 4x64 x[0] by 64, v0\n"), says("not to be written"));
  CHECK_THAT(tile_complaint("  v0 = tile.zero 4x64\n  tile.store 4x32 y[0] by 64, v0\n"), says("4x64 elsewhere"));
  for (auto const* const shape : {"0x64", "17x64", "16x0", "16x62", "16x68"})
    CHECK_THAT(tile_complaint(fmt::format("  v0 = tile.zero {}\n", shape)), says("1 to 16 rows of 4 to 64 bytes"));
  for (int const stride : {2, 60, 66})  // rows that are loaded may overlap
    CHECK(tile_complaint(fmt::format("  v0 = tile.load 4x64 x[0] by {}\n", stride)).empty());
  CHECK_THAT(tile_complaint("  v0 = tile.load 4x64 x[0] by 61\n"), says("61 bytes apart"));
  for (int const stride : {60, 66})
    CHECK_THAT(tile_complaint(fmt::format("  v0 = tile.zero 4x64\n  tile.store 4x64 y[0] by {}, v0\n", stride)),
               says(fmt::format("{} bytes apart", stride)));
  vector::builder b("far", 16);
  auto const x = b.argument("x", vector::access::in, std::int64_t{1} << 40);
  CHECK_THROWS_WITH(b.tile_load(x.at(0), 2, 64, std::int64_t{1} << 31), says("2147483648 bytes apart"));
}

TEST_CASE("products of tiles fit together") {
  std::string const factors = "  v1 = tile.zero 16x32\n  v2 = tile.zero 8x64\n", sum = "  v0 = tile.zero 16x64\n";
  CHECK(tile_complaint(sum + factors + "  v0 = tile.dot2.bf16 v1, v2, v0\n").empty());
  CHECK_THAT(tile_complaint(sum + factors + "  v0 = tile.dot2.bf16 v2, v1, v0\n"), says("8x64 times 16x32"));
  CHECK_THAT(tile_complaint("  v0 = tile.zero 15x64\n" + factors + "  v0 = tile.dot4.u8s8 v1, v2, v0\n"),
             says("no tile of 15x64"));
  CHECK_THAT(tile_complaint(sum + factors + "  v3 = tile.dot2.bf16 v1, v2, v0\n"), says("not what is added to"));
  CHECK_THAT(tile_complaint(sum + "  v1 = tile.zero 16x64\n  v0 = tile.dot2.bf16 v1, v1, v0\n"), says("twice"));
  CHECK_THAT(tile_complaint(sum + "  v1 = tile.zero 16x64\n  v0 = tile.dot2.bf16 v0, v1, v0\n"), says("twice"));
  CHECK_THAT(tile_complaint(sum + "  v3 = zero\n  v0 = tile.dot2.bf16 v3, v0, v0\n"), says("v3 is f32"));
  CHECK_THAT(tile_complaint(sum + "  v3 = zero\n  v3 = add v3, v0\n"), says("v0 is a tile"));
  CHECK_THAT(tile_complaint(sum + "  v3 = mov v0\n"), says("v0 is a tile"));
  CHECK_THAT(tile_complaint(sum + "  store y[0], v0\n"), says("v0 is a tile"));
}

TEST_CASE("there are eight tiles") {
  auto const zeros = [](int count, bool of_many_shapes) {
    std::string text;
    for (int k = 0; k < count; ++k) text += fmt::format("  v{} = tile.zero {}x64\n", k, of_many_shapes ? k + 1 : 16);
    for (int k = 0; k < count && !of_many_shapes; ++k) text += fmt::format("  tile.store 16x64 y[0] by 64, v{}\n", k);
    return text;
  };
  CHECK(tile_complaint(zeros(8, false)).empty());
  CHECK_THAT(tile_complaint(zeros(9, false)), says("9 tiles are in use, there are 8"));
  CHECK(tile_complaint(zeros(8, true)).empty());
  CHECK_THAT(tile_complaint(zeros(9, true)), says("9 tiles are in use"));  // though none is read again
}

TEST_CASE("products of tiles are those of matrices") {
  constexpr int rows = 13, depth = 11, columns = 9;
  std::mt19937 random(5);
  std::vector<float> a, b;
  for (int k = 0; k < rows * 2 * depth; ++k) a.push_back(static_cast<float>(random() % 31) - 15);
  for (int k = 0; k < 2 * depth * columns; ++k) b.push_back(static_cast<float>(random() % 31) - 15);
  std::vector<std::uint32_t> x(rows * depth), w(depth * columns), y(rows * columns, 0x3f800000u);
  auto const half = [](float value) { return std::bit_cast<std::uint32_t>(value) >> 16; };
  for (int m = 0; m < rows; ++m)
    for (int k = 0; k < depth; ++k)
      x[static_cast<std::size_t>(m * depth + k)] = half(a[static_cast<std::size_t>(2 * (m * depth + k))]) |
                                                   half(a[static_cast<std::size_t>(2 * (m * depth + k) + 1)]) << 16;
  for (int k = 0; k < depth; ++k)
    for (int n = 0; n < columns; ++n)
      w[static_cast<std::size_t>(k * columns + n)] = half(b[static_cast<std::size_t>(2 * k * columns + n)]) |
                                                     half(b[static_cast<std::size_t>((2 * k + 1) * columns + n)]) << 16;
  auto const p = vector::parse(fmt::format(
      "kernel k w16\n  arg x i32 in {0}\n  arg w i32 const {1}\n  arg y f32 out {2}\n"
      "  v0 = tile.load {3}x{5} y[0] by {5}\n  v1 = tile.load {3}x{4} x[0] by {4}\n"
      "  v2 = tile.load {6}x{5} w[0] by {5}\n  v0 = tile.dot2.bf16 v1, v2, v0\n  tile.store {3}x{5} y[0] by {5}, v0\n",
      4 * x.size(), 4 * w.size(), 4 * y.size(), rows, 4 * depth, 4 * columns, depth));
  vector::verify(p);
  std::byte* const arguments[] = {reinterpret_cast<std::byte*>(x.data()), reinterpret_cast<std::byte*>(w.data()),
                                  reinterpret_cast<std::byte*>(y.data())};
  vector::interpret(p, arguments);
  for (int m = 0; m < rows; ++m)
    for (int n = 0; n < columns; ++n) {
      float sum = 1;  // exact
      for (int k = 0; k < 2 * depth; ++k)
        sum += a[static_cast<std::size_t>(m * 2 * depth + k)] * b[static_cast<std::size_t>(k * columns + n)];
      REQUIRE(std::bit_cast<float>(y[static_cast<std::size_t>(m * columns + n)]) == sum);
    }
}

TEST_CASE("products of tiles of bf16 add low and high halves apart, round each time and know no subnormal numbers") {
  using pairs = std::vector<std::pair<float, float>>;
  float const tiny = 0x1p-24f;  // lost beside 1 and more, ties to even
  CHECK(product_of_pairs(pairs{{1, tiny}, {0, tiny}}, pairs{{1, 1}, {1, 1}}, 0) == 1 + 0x1p-23f);
  CHECK(product_of_pairs(pairs{{1, 0}, {tiny, 0}, {tiny, 0}}, pairs{{1, 1}, {1, 1}, {1, 1}}, 0) == 1);
  CHECK(product_of_pairs(pairs{{tiny, 0}, {tiny, 0}}, pairs{{1, 1}, {1, 1}}, 1) == 1 + 0x1p-23f);  // c comes last
  CHECK(product_of_pairs(pairs{{tiny, 1}}, pairs{{1, 1}}, 1) == 2);
  CHECK(product_of_pairs(pairs{{0x1p-64f, 0}}, pairs{{0x1p-64f, 0}}, 0) == 0);
  CHECK(product_of_pairs(pairs{{0x1p-130f, 0}}, pairs{{0x1p20f, 0}}, 0) == 0);
  CHECK(product_of_pairs(pairs{{0x1p-63f, 0}}, pairs{{0x1p-63f, 0}}, 0) == 0x1p-126f);
  CHECK(product_of_pairs(pairs{{0, 0}}, pairs{{0, 0}}, 0x1p-130f) == 0);
  CHECK(product_of_pairs(pairs{{1, -0x1.8p0f}}, pairs{{0x1p-126f, 0x1p-126f}}, 0) == 0);  // -2^-127
  CHECK(product_of_pairs(pairs{{1, -0x1.8p0f}}, pairs{{0x1p-126f, 0x1p-126f}}, 0x1.8p-126f) == 0x1.8p-126f);
  CHECK(std::isnan(product_of_pairs(pairs{{INFINITY, 0}}, pairs{{0, 0}}, 0)));
  CHECK(product_of_pairs(pairs{{INFINITY, 0}}, pairs{{1, 0}}, 0) == INFINITY);
}

TEST_CASE("products of tiles of bytes are exact and wrap") {
  using vector::opcode::tile_dot4;
  CHECK(product_of_words(tile_dot4, {0xff010203u}, {0x807f0201u}, 0) ==
        static_cast<std::uint32_t>(255 * -128 + 1 * 127 + 2 * 2 + 3));
  CHECK(product_of_words(tile_dot4, {1, 2}, {3, 0xff}, 10) == 11);
  CHECK(product_of_words(tile_dot4, {1}, {1}, 0x7fffffffu) == 0x80000000u);
}
