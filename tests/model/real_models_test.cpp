#include <sinter/ops/evaluate.hpp>

#include "catch.hpp"
#include "model/real_model.hpp"
#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#if __has_include(<stb/stb_image.h>)
#define SINTER_TEST_PICTURES
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#endif

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr std::array supported{
    "mnist_cntk",           "mnist_pytorch", "squeezenet_fp16", "super_resolution", "keyword_spotting_fp32",
    "face_detector_rfb320", "yolox_nano",    "cct_opset20"};
constexpr std::array light{"bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50",
                           "shufflenet",   "squeezenet",  "vgg19",        "zfnet512"};

bool runs_in_a_blink(std::string_view name) {
  return name.starts_with("mnist") || name.starts_with("keyword") || name.starts_with("cct");
}

/// The model of a folder of shared/models, or a warning.
std::optional<real_model> find_model(std::string_view name) {
  auto const folder = shared("models/" + std::string(name));
  if (folder) return read_folder(*folder);
  WARN("SKIPPED: needs shared/models/" << name);
  return std::nullopt;
}

/// Compares what compiled code computes with what is known; AVX2 and AVX-512 must give equal bits.
void check_compiled(real_model const& m, std::vector<isa> const& sets) {
  std::vector<any_tensor> first;
  for (auto const set : sets) {
    if (detect_isa() < set) {
      WARN("SKIPPED: this CPU has no " << name(set));
      continue;
    }
    INFO(name(set));
    pipeline const p(m.g, {.set = set});
    for (auto const& e : m.examples) {
      auto got = p.run(m.operands(e.inputs));
      for (std::size_t i = 0; i < std::min(got.size(), e.outputs.size()); ++i)
        got[i] = convert(got[i], e.outputs[i].type());
      CHECK(difference(got, e.outputs, e.largest) == "");
    }
    if (set == isa::none) continue;
    auto const got = p.run(m.operands(m.examples[0].inputs));
    if (first.empty()) first = got;
    CHECK(equal_bits(got, first));
  }
}

}  // namespace

TEST_CASE("real models agree with their reference data") {
  auto const* const name = GENERATE(from_range(supported));
  auto m = find_model(name);
  if (!m) return;
  INFO(name);
  for (auto& e : m->examples)
    if (e.outputs.empty()) e.outputs = evaluate(m->g, m->operands(e.inputs));
  // The outputs are probabilities, computed by somebody with the roundings of float16.
  if (std::string_view(name) == "squeezenet_fp16") m->examples[0].largest = 1;
  std::vector<isa> sets{isa::avx512, isa::avx2};
  if (runs_in_a_blink(name)) sets.push_back(isa::none);
  check_compiled(*m, sets);
}

TEST_CASE("light models agree with their reference data", "[thorough]") {
  auto const* const name = GENERATE(from_range(light));
  auto const folder = shared("onnx-backend-tests/light");
  if (!folder) {
    WARN("SKIPPED: needs shared/onnx-backend-tests/light");
    return;
  }
  INFO(name);
  auto const file = *folder / fmt::format("light_{}.onnx", name);
  real_model m(file);
  any_tensor x(dtype::float32, {1, 3, 224, 224});
  auto const count = x.elements();
  for (std::size_t i = 0; i < count; ++i)
    x.mutable_view().as<float>()[i] = static_cast<float>(static_cast<double>(i) / static_cast<double>(count));
  m.examples = {{{x}, read_pbs(*folder, fmt::format("light_{}_output", name))}};
  check_compiled(m, {isa::avx512, isa::avx2});
}

#ifdef SINTER_TEST_PICTURES
TEST_CASE("squeezenet sees a tench in the picture of one") {
  auto const m = find_model("squeezenet_fp16");
  if (!m) return;
  int width = 0, height = 0, channels = 0;
  auto const file = shared("models/squeezenet_fp16/fish.png")->string();
  std::unique_ptr<stbi_uc, void (*)(void*)> const pixels(stbi_load(file.c_str(), &width, &height, &channels, 3),
                                                         stbi_image_free);
  REQUIRE(pixels);
  REQUIRE((width == 224 && height == 224));
  any_tensor x(dtype::float32, {1, 3, 224, 224});
  for (std::size_t c = 0; c < 3; ++c)  // planes of blue, green, red from 0 to 255
    for (std::size_t i = 0; i < 224 * 224; ++i)
      x.mutable_view().as<float>()[c * 224 * 224 + i] = pixels.get()[3 * i + 2 - c];
  auto const scores = convert(run_compiled(m->g, m->converted({x}), {.set = detect_isa()}).at(0), dtype::float32);
  auto const all = scores.as<float>();
  CHECK(std::ranges::max_element(all) - all.begin() == 0);
}
#endif

TEST_CASE("real models give equal bits on any number of threads, and in the interpreter") {
  auto const* const name = GENERATE(from_range(supported));
  auto const m = find_model(name);
  if (!m) return;
  INFO(name);
  auto const operands = m->operands(m->examples[0].inputs);
  auto const expected = run_compiled(m->g, operands, {.set = detect_isa()});
  for (int const threads : {1, 2, 3, 7}) {
    thread_pool pool(threads);
    INFO(threads << " threads");
    CHECK(equal_bits(run_compiled(m->g, operands, {.set = detect_isa(), .pool = &pool}), expected));
  }
  if (!std::string_view(name).starts_with("mnist")) return;
  for (auto const set : {isa::avx512, isa::avx2}) {
    INFO("interpreted " << sinter::name(set));
    CHECK(equal_bits(run_compiled(m->g, operands, {.set = set, .interpret = true}), expected));
  }
}

TEST_CASE("a guarded arena changes no bit of any model", "[thorough]") {
  auto const* const name = GENERATE(from_range(supported));
  auto const m = find_model(name);
  if (!m) return;
  INFO(name);
  auto const operands = m->operands(m->examples[0].inputs);
  for (auto const set : {isa::avx512, isa::avx2})
    if (set <= detect_isa())
      CHECK(equal_bits(run_compiled(m->g, operands, {.set = set, .guard = memory_guard::guarded}),
                       run_compiled(m->g, operands, {.set = set})));
}
