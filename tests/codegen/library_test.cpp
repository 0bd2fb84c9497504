#include <sinter/sinter.hpp>

#include "catch.hpp"
#include "shared.hpp"
#include <array>
#include <cstring>
#include <digits.hpp>
#include <digits_batch.hpp>
#include <digits_bf16.hpp>
#include <digits_fp16.hpp>
#include <digits_int8.hpp>
#include <memory>
#include <random>
#include <vector>
#ifdef SINTER_TEST_MNIST
#include <mnist_cntk.hpp>
#include <mnist_pytorch.hpp>
#endif
#ifdef SINTER_TEST_QDQ
#include <classifier_qdq.hpp>
#include <keyword_spotting_qdq.hpp>
#endif

using namespace sinter;

namespace {

/// The instruction set that the in-process compiler uses for the bits of a library's variant; portable code has the
/// kernels of AVX2.
template <typename Net>
target jit_set([[maybe_unused]] typename Net::instruction_set set) {
  if constexpr (requires { Net::instruction_set::avx512; })
    if (set == Net::instruction_set::avx512) return "avx512";
  if constexpr (requires { Net::instruction_set::x86_64_avxvnni; }) {
    if (set == Net::instruction_set::x86_64_avxvnni) return "x86-64:avxvnni";
    if (set == Net::instruction_set::x86_64_avx512vnni) return "x86-64:avx512vnni";
  }
  if constexpr (requires { Net::instruction_set::x86_64_avx512bf16; })
    if (set == Net::instruction_set::x86_64_avx512bf16) return "x86-64:avx512bf16";
  return "avx2";
}

/// Compares a built library with the in-process compiler, bit for bit, on random inputs. `Input` and `Output` are types
/// of the class.
template <typename Net, typename Input, typename Output, typename Run>
void agrees(std::filesystem::path const& file, typename Net::instruction_set set, Run run, int runs = 20,
            preferences const& prefer = {}) {
  if (!Net::supports(set) || !native_target().covers(jit_set<Net>(set))) {
    WARN("SKIPPED: this CPU lacks the instruction set");
    return;
  }
  auto const model = load(file, {.target = jit_set<Net>(set), .threads = 1, .prefer = prefer});
  Net net(set);
  std::mt19937 random(7);
  std::uniform_real_distribution<float> values(-1, 1);
  shape extents;
  for (auto const extent : Input::shape) extents.push_back(static_cast<std::int64_t>(extent));
  for (int i = 0; i < runs; ++i) {
    tensor<float> x(extents);
    for (auto& value : x) value = values(random);
    auto const expected = model.run({{Input::name, x}});
    std::span<float const> const given = run(net, typename Input::view(x.span()));
    auto const wanted = expected[Output::name].template as<float>();
    REQUIRE(given.size() == wanted.size());
    REQUIRE(std::memcmp(given.data(), wanted.data(), wanted.size_bytes()) == 0);
  }
}

}  // namespace

TEST_CASE("a built library gives the bits of the in-process compiler") {
  auto const file = std::string(SINTER_SOURCE_DIR) + "/examples/hello/digits.onnx";
  using enum digits::instruction_set;
  for (auto const set : {portable, avx2, avx512})
    agrees<digits, digits::image, digits::scores>(
        file, set, [](digits& net, digits::image::view x) { return net.run({.image = x}).scores; });
}

TEST_CASE("a built library of 8-bit integers gives the bits of the in-process compiler") {
  using enum digits_int8::instruction_set;
  for (auto const set : {portable, avx2, avx512, x86_64_avxvnni, x86_64_avx512vnni})
    agrees<digits_int8, digits_int8::image, digits_int8::scores>(
        SINTER_TEST_INT8, set,
        [](digits_int8& net, digits_int8::image::view x) { return net.run({.image = x}).scores; });
}

TEST_CASE("a library whose factors are rounded to bfloat16 has the bits of the in-process compiler, too") {
  auto const file = std::string(SINTER_SOURCE_DIR) + "/examples/hello/digits.onnx";
  using enum digits_bf16::instruction_set;
  for (auto const set : {avx2, x86_64_avx512bf16})
    agrees<digits_bf16, digits_bf16::image, digits_bf16::scores>(
        file, set, [](digits_bf16& net, digits_bf16::image::view x) { return net.run({.image = x}).scores; }, 20,
        {.precision = precision::bfloat16});
}

TEST_CASE("a library with weights of float16 has the bits of the in-process compiler, too") {
  auto const file = std::string(SINTER_SOURCE_DIR) + "/examples/hello/digits.onnx";
  using enum digits_fp16::instruction_set;
  for (auto const set : {avx2, avx512})
    agrees<digits_fp16, digits_fp16::image, digits_fp16::scores>(
        file, set, [](digits_fp16& net, digits_fp16::image::view x) { return net.run({.image = x}).scores; }, 20,
        {.precision = precision::float16});
}

TEST_CASE("a library maps its weights, and works in memory of the caller's") {
  using Set = digits_batch::instruction_set;
  static_assert(digits_batch::arena_bytes > 65536 && sizeof(digits_batch) < 1024);
  digits_batch::weights const constants(SINTER_TEST_WEIGHTS);
  auto const memory = std::make_unique<digits_batch::arena>();
  std::vector<float> values(digits_batch::image::size);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 17) / 16;
  digits_batch::image::view const images(values);
  digits one;
  for (auto const set : {Set::avx2, Set::avx512}) {
    if (!digits_batch::supports(set) || set != digits_batch::best()) continue;
    digits_batch own(constants), given(constants, *memory);
    auto const expected = own.run({.image = images}).scores;
    auto const found = given.run({.image = images}).scores;
    CHECK(std::ranges::equal(expected, found));
    auto const first = one.run({.image = images.first<digits::image::size>()}).scores;
    CHECK(std::ranges::equal(first, expected.first<digits::scores::size>()));
  }
}

TEST_CASE("a weights file of another model is refused") {
  CHECK_THROWS_WITH(digits_batch::weights(SINTER_SOURCE_DIR "/README.md"), says("does not hold the weights"));
  CHECK_THROWS_WITH(digits_batch::weights("/nowhere"), says("cannot open"));
}

#ifdef SINTER_TEST_MNIST
TEST_CASE("libraries of real models give the bits of the in-process compiler", "[thorough]") {
  auto const cntk = shared("models/mnist_cntk/model.onnx"), pytorch = shared("models/mnist_pytorch/model.onnx");
  REQUIRE(cntk);
  REQUIRE(pytorch);
  for (auto const set : {mnist_cntk::instruction_set::avx2, mnist_cntk::instruction_set::avx512})
    agrees<mnist_cntk, mnist_cntk::Input3, mnist_cntk::Plus214_Output_0>(
        *cntk, set,
        [](mnist_cntk& net, mnist_cntk::Input3::view x) { return net.run({.Input3 = x}).Plus214_Output_0; });
  for (auto const set : {mnist_pytorch::instruction_set::avx2, mnist_pytorch::instruction_set::avx512})
    agrees<mnist_pytorch, mnist_pytorch::_0, mnist_pytorch::_21>(
        *pytorch, set, [](mnist_pytorch& net, mnist_pytorch::_0::view x) { return net.run({._0 = x})._21; });
}
#endif

#ifdef SINTER_TEST_QDQ
TEST_CASE("libraries of quantised models give the bits of the in-process compiler", "[thorough]") {
  auto const classifier = shared("models/classifier_qdq/model.onnx"),
             keywords = shared("models/keyword_spotting_qdq/model.onnx");
  REQUIRE(classifier);
  REQUIRE(keywords);
  agrees<classifier_qdq, classifier_qdq::image, classifier_qdq::scores>(
      *classifier, classifier_qdq::instruction_set::avx2,
      [](classifier_qdq& net, classifier_qdq::image::view x) { return net.run({.image = x}).scores; }, 2);
  using net_type = keyword_spotting_qdq;
  for (auto const set : {net_type::instruction_set::avx2, net_type::instruction_set::avx512})
    agrees<net_type, net_type::serving_default_input_0, net_type::StatefulPartitionedCall_0>(
        *keywords, set, [](net_type& net, net_type::serving_default_input_0::view x) {
          return net.run({.serving_default_input_0 = x}).StatefulPartitionedCall_0;
        });
}
#endif

TEST_CASE("a class says what its model takes, gives and needs") {
  static_assert(digits::image::shape == std::array<std::size_t, 4>{1, 1, 8, 8});
  static_assert(digits::image::name == "image");
  static_assert(digits::scores::size == 10);
  static_assert(digits::arena_bytes <= 65536 && sizeof(digits) >= digits::arena_bytes);
  static_assert(noexcept(std::declval<digits&>().run(std::declval<digits::inputs>())));
  CHECK(digits::weight_bytes > 0);
  CHECK(digits::supports(digits::best()));
}
