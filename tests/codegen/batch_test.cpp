#include <sinter/sinter.hpp>

#include "catch.hpp"
#include "model_file.hpp"
#include <algorithm>
#include <cstring>
#include <digits_any.hpp>
#include <digits_listed.hpp>
#include <random>
#include <vector>

using namespace sinter;

namespace {

constexpr char const* digits_file = SINTER_SOURCE_DIR "/examples/hello/digits.onnx";

/// The scores that the in-process compiler gives for a batch.
class expected_scores {
 public:
  explicit expected_scores(target set) : net_(load(digits_file, {.target = set, .threads = 1})) {}
  std::vector<float> operator()(std::span<float const> images) const {
    tensor<float> x({static_cast<std::int64_t>(images.size() / 64), 1, 8, 8});
    std::ranges::copy(images, x.begin());
    auto const out = net_.run({{"image", x}});
    auto const scores = out["scores"].as<float>();
    return {scores.begin(), scores.end()};
  }

 private:
  model net_;
};

std::vector<float> random_images(std::size_t count) {
  std::mt19937 random(11);
  std::uniform_real_distribution<float> values(-1, 1);
  std::vector<float> result(count * 64);
  for (auto& value : result) value = values(random);
  return result;
}

bool same_bits(std::span<float const> a, std::span<float const> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

/// The sets of a class with code for AVX2 and AVX-512 that this processor has.
template <typename Net, typename Check>
void for_each_set(Check check) {
  for (auto const set : {Net::instruction_set::avx2, Net::instruction_set::avx512})
    if (Net::supports(set)) check(set, set == Net::instruction_set::avx512 ? target("avx512") : target("avx2"));
}

template <std::size_t Batch>
void agrees(digits_listed& net, expected_scores const& expected) {
  auto const images = random_images(Batch);
  typename digits_listed::image<Batch>::view const view(images);
  digits_listed::outputs<Batch> const out = net.run<Batch>({.image = view});
  CHECK(same_bits(out.scores, expected(images)));
}

}  // namespace

TEST_CASE("a library for listed batches gives the bits of the in-process compiler for each") {
  static_assert(digits_listed::batch_sizes == std::array<std::size_t, 3>{1, 4, 9});
  static_assert(digits_listed::image<9>::shape == std::array<std::size_t, 4>{9, 1, 8, 8});
  static_assert(digits_listed::scores<4>::size == 40);
  static_assert(noexcept(std::declval<digits_listed&>().run<4>(std::declval<digits_listed::inputs<4>>())));
  for_each_set<digits_listed>([](auto set, target jit) {
    digits_listed net(set);
    expected_scores const expected(jit);
    agrees<9>(net, expected);
    agrees<1>(net, expected);
    agrees<4>(net, expected);
  });
}

TEST_CASE("a library for any batch gives the bits of the in-process compiler for each") {
  static_assert(digits_any::max_batch == 13 && digits_any::image::size(3) == 192);
  static_assert(digits_any::scores::shape(5) == std::array<std::size_t, 2>{5, 10});
  auto const images = random_images(digits_any::max_batch);
  for_each_set<digits_any>([&](auto set, target jit) {
    digits_any net(set);
    expected_scores const expected(jit);
    for (std::size_t n = digits_any::max_batch; n > 0; --n) {
      INFO("batch " << n);
      auto const view = std::span(images).first(digits_any::image::size(n));
      CHECK(same_bits(net.run(n, {.image = view}).scores, expected(view)));
    }
  });
}

TEST_CASE("a library for any batch says what is wrong with a batch") {
  digits_any net;
  auto const images = random_images(digits_any::max_batch + 1);
  std::span<float const> const all(images);
  CHECK_THROWS_WITH(net.run(0, {.image = {}}), says("a batch of 0; it takes 1 to 13"));
  CHECK_THROWS_WITH(net.run(14, {.image = all}), says("a batch of 14"));
  CHECK_THROWS_WITH(net.run(2, {.image = all.first(127)}),
                    says("input 'image' has 127 elements; this batch takes 128"));
}

TEST_CASE("batch sizes share weights") { STATIC_REQUIRE(digits_listed::weight_bytes == digits_any::weight_bytes); }

TEST_CASE("batches on the command line") {
  CHECK(codegen::parse_batch({}).kind == cpp::batch_kind::fixed);
  auto const listed = codegen::parse_batch({"4", "1", "4"});
  CHECK((listed.kind == cpp::batch_kind::listed && listed.sizes == std::vector<std::int64_t>{1, 4}));
  auto const any = codegen::parse_batch({"1..3"});
  CHECK((any.kind == cpp::batch_kind::any && any.sizes == std::vector<std::int64_t>{1, 2, 3}));
  for (auto const* wrong : {"0", "-1", "x", "", "2..4", "1..", "1..0", "3..1", "1..2..3"})
    CHECK_THROWS_WITH(codegen::parse_batch({wrong}), says("is no batch"));
  CHECK_THROWS_WITH(codegen::parse_batch({"1", "1..4"}), says("is no batch"));
  CHECK_THROWS_WITH(codegen::parse_batch({"1..257"}), says("at most 256"));
  CHECK(codegen::parse_shape("a=Nx3").batched);
  CHECK(codegen::parse_shape("a=N").extents == shape{1});
  for (auto const* wrong : {"a=NN", "a=3xN", "a=N3", "a=Nx"})
    CHECK_THROWS_WITH(codegen::parse_shape(wrong), says("is no shape"));
}

TEST_CASE("the batch is the first extent of inputs that leave it open, or N in a shape") {
  cpp::library_batch const batch{.kind = cpp::batch_kind::listed, .sizes = {2, 5}};
  for (auto const& shapes : {std::vector<std::string>{}, {"image=Nx1x8x8"}}) {
    auto const model = codegen::load_model({.file = digits_file, .shapes = shapes}, batch);
    REQUIRE(model.signatures.size() == 2);
    CHECK(model.signatures[0].shapes == std::vector{std::optional(shape{2, 1, 8, 8})});
    CHECK(model.signatures[1].shapes == std::vector{std::optional(shape{5, 1, 8, 8})});
  }
  CHECK_THROWS_WITH(codegen::load_model({.file = digits_file, .shapes = {"image=1x1x8x8"}}, batch),
                    says("no input has the batch in front"));
  CHECK_THROWS_WITH(codegen::load_model({.file = digits_file, .shapes = {"image=Nx1x8x8"}}), says("no batch is given"));
}
