#include "sample_files.hpp"

#include <sinter/core/float16.hpp>
#include <sinter/graph/text.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"
#include "tensor_files.hpp"
#include <cstring>
#include <span>
#include <string>
#include <vector>

using namespace codegen;
using sinter::any_tensor;

namespace {

any_tensor counting(sinter::shape extents) {
  any_tensor t(sinter::dtype::float32, extents);
  auto const values = t.mutable_view().as<float>();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return t;
}

sinter::graph two_inputs() {
  return sinter::parse(R"(graph two opset 13 {
    input a: float[] declared [N, 3]
    input b: float16[] declared [2]
    c = Identity(a)
    output c
  })");
}

sinter::graph picture_input(std::string const& extents) {
  return sinter::parse("graph one opset 13 { input x: float[] declared [" + extents + "] y = Relu(x) output y }");
}

std::vector<sample> read(sinter::graph const& g, std::filesystem::path const& folder) {
  return read_samples(g, folder, 100, {});
}

}  // namespace

TEST_CASE("A file holds many samples of all inputs, whatever the order of its entries") {
  temporary_folder folder;
  auto const a = counting({4, 3}), b = counting({8});
  std::vector<sinter::named_tensor> const both{{"b", b.view()}, {"a", a.view()}};
  write_tensors(folder.path() / "samples.npz", both);
  folder.write("notes.txt", "no sample");
  auto const all = read(two_inputs(), folder.path());
  REQUIRE(all.size() == 4);
  CHECK(all[1][0].shape() == sinter::shape{1, 3});
  CHECK(all[1][0].as<float>()[0] == 3);
  CHECK(all[3][1].type() == sinter::dtype::float16);
  CHECK(sinter::half_to_float(static_cast<std::uint16_t const*>(all[3][1].data())[1]) == 7);
  CHECK(read_samples(two_inputs(), folder.path(), 2, {}).size() == 2);
}

TEST_CASE("Samples that do not fit name the file, the input and what it wants") {
  temporary_folder folder;
  auto const a = counting({4, 3}), b = counting({6}), wrong = counting({4, 5});
  std::vector<sinter::named_tensor> const fewer{{"a", a.view()}, {"b", b.view()}}, misshaped{{"a", wrong.view()}},
      missing{{"b", b.view()}};
  auto const file = folder.path() / "s.npz";
  write_tensors(file, fewer);
  CHECK_THROWS_WITH(read(two_inputs(), folder.path()), says("s.npz") && says("3 samples of input 'b' and 4 of 'a'"));
  write_tensors(file, misshaped);
  CHECK_THROWS_WITH(read(two_inputs(), folder.path()), says("input 'a' is Nx3, a tensor of shape 4x5 does not fit"));
  write_tensors(file, missing);
  CHECK_THROWS_WITH(read(two_inputs(), folder.path()), says("no tensor for the input 'a'"));
  temporary_folder empty;
  CHECK_THROWS_WITH(read(two_inputs(), empty.path()), says("has no samples"));
}

#ifdef SINTER_PICTURES
TEST_CASE("Pictures become samples of the input's size") {
  std::filesystem::path const digits = std::filesystem::path(SINTER_SOURCE_DIR) / "examples/hello/digits";
  auto const all = read_samples(picture_input("batch, 1, 8, 8"), digits, 100, {});
  REQUIRE(all.size() == 10);
  CHECK(all[3][0].shape() == sinter::shape{1, 1, 8, 8});
  auto const row = all[3][0].as<float>();  // of 3.png: 0 0 96 223 255 255 32 0
  CHECK(row[2] == Approx(96 / 255.0));
  CHECK(row[4] == 1);
  auto const large =
      read_samples(picture_input("1, 3, 16, 12"), digits, 1, {.mean = {0.5f, 0, 0}, .deviation = {2, 1, 1}});
  CHECK(large[0][0].shape() == sinter::shape{1, 3, 16, 12});
  CHECK(large[0][0].as<float>()[0] == Approx((large[0][0].as<float>()[192] - 0.5) / 2));
  CHECK_THROWS_WITH(read(picture_input("1, 64"), digits), says("give .npz files"));
}
#endif

TEST_CASE("Random samples are alike in each run, and of 0 and 1 for integers") {
  auto const g = sinter::parse(
      "graph g opset 13 { input x: float[5x2] input n: int64[9] y = Identity(x) z = Identity(n) output y output z }");
  auto const a = random_samples(g, 3), b = random_samples(g, 3);
  REQUIRE(a.size() == 3);
  CHECK(std::memcmp(a[2][0].data(), b[2][0].data(), a[2][0].bytes()) == 0);
  CHECK(std::memcmp(a[1][0].data(), a[2][0].data(), a[2][0].bytes()) != 0);
  for (auto const v : a[0][1].as<std::int64_t>()) CHECK((v == 0 || v == 1));
}
