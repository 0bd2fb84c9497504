#include <sinter/emit/cuda/emit.hpp>
#include <sinter/expr/text.hpp>
#include <sinter/program/device_attention.hpp>
#include <sinter/program/device_copy.hpp>
#include <sinter/program/device_gather.hpp>
#include <sinter/program/device_pad.hpp>
#include <sinter/program/device_products.hpp>
#include <sinter/program/device_recurrent.hpp>
#include <sinter/program/device_rows.hpp>
#include <sinter/program/device_windows.hpp>
#include <sinter/runtime/cuda/compile.hpp>
#include <sinter/runtime/cuda/libraries.hpp>

#include "catch.hpp"
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

/// NVRTC compiles kernels of all forms, for every architecture, without spilling registers.
using namespace sinter;

namespace {

device_argument dense(device_sizes const& sizes, bool written, dtype element = dtype::float32) {
  return {element, written, 0, row_major_strides(sizes)};
}
/// max(0, x + bias), the bias along the last axis.
device_epilogue relu(device_sizes const& sizes, dtype element = dtype::float32) {
  device_argument bias{element, false, 0, device_sizes(sizes.size(), 0)};
  bias.strides.back() = 1;
  return {expr::parse("t0 = add x0 x1; max 0 t0"), {bias, dense(sizes, true, element)}};
}
device_epilogue stored(device_sizes const& sizes) { return {{}, {dense(sizes, true)}}; }

/// The function of two rows of int64, compared with 0.
device_epilogue whole_numbers(device_sizes const& sizes) {
  auto const from = dense(sizes, false, dtype::int64);
  device_epilogue e{expr::parse("t0 = div x0 x1; t1 = mul t0 x1; select.lt t1 0 1 0"),
                    {from, from, dense(sizes, true, dtype::boolean)}};
  e.computes = dtype::int64;
  return e;
}

/// A kernel, and the registers that it may take from sm_80 on: 10 % more than it took when this was written.
struct compiled_kernel {
  device_call call;
  int registers;
};

std::vector<compiled_kernel> kernels_of_all_forms() {
  device_sizes const image{1, 56, 56, 96};
  device_window const strided{.c = 96,
                              .h = 112,
                              .w = 112,
                              .r = 3,
                              .s = 3,
                              .p = 56,
                              .q = 56,
                              .stride_h = 2,
                              .stride_w = 2,
                              .pad_h = 1,
                              .pad_w = 1,
                              .x_n = 96 * 112 * 112,
                              .x_h = 96 * 112,
                              .x_w = 96};
  device_convolution convolution{.c = 64,
                                 .f = 64,
                                 .h = 56,
                                 .w = 56,
                                 .r = 3,
                                 .s = 3,
                                 .p = 56,
                                 .q = 56,
                                 .pad_h = 1,
                                 .pad_w = 1,
                                 .x_n = 64 * 56 * 56,
                                 .x_h = 64 * 56,
                                 .x_w = 64};
  device_convolution const stem{.c = 3,
                                .f = 64,
                                .h = 224,
                                .w = 224,
                                .r = 7,
                                .s = 7,
                                .p = 112,
                                .q = 112,
                                .stride_h = 2,
                                .stride_w = 2,
                                .pad_h = 3,
                                .pad_w = 3,
                                .x_n = 3 * 224 * 224,
                                .x_c = 224 * 224,
                                .x_h = 224,
                                .x_w = 1};
  device_convolution const doubled{.c = 64,
                                   .f = 32,
                                   .h = 28,
                                   .w = 28,
                                   .r = 4,
                                   .s = 4,
                                   .p = 56,
                                   .q = 56,
                                   .stride_h = 2,
                                   .stride_w = 2,
                                   .pad_h = 1,
                                   .pad_w = 1,
                                   .x_n = 64 * 28 * 28,
                                   .x_h = 28 * 64,
                                   .x_w = 64};
  device_contraction const heads{.batch1 = 12,
                                 .m = 384,
                                 .n = 384,
                                 .k = 64,
                                 .a_batch1 = 64 * 384,
                                 .a_m = 64,
                                 .b_batch1 = 64 * 384,
                                 .b_k = 1,
                                 .b_n = 64};
  auto matrix_tiles = matrix_tile_choices[1];
  matrix_tiles.precision = sinter::precision::float16;
  auto split_tiles = tile_choices[3];
  split_tiles.splits = 8;
  std::vector<compiled_kernel> all{
      {pointwise_call(image, {expr::parse("t0 = sigmoid x0; mul t0 x1"),
                              {dense(image, false), dense(image, false), dense(image, true)}}),
       25},
      {copy_call({{2, 50, 33}, {33 * 50, 1, 50}, {33 * 50, 33, 1}, 4}), 33},
      {contraction_call(heads, tile_choices[2], relu(heads.sizes())), 73},
      {convolution_call(convolution, tile_choices[2], relu(convolution.sizes())), 73},
      {convolution_call(convolution, split_tiles, relu(convolution.sizes())), 80},
      {convolution_call(stem, tile_choices[3], relu(stem.sizes())), 73},
      {transposed_convolution_call(doubled, tile_choices[4], relu(doubled.sizes())), 53},
      {depthwise_call(strided, relu(image)), 79},
      {pool_call(strided, device_pooling::maximum, stored(image)), 44},
      {pool_call(strided, device_pooling::average_with_padding, stored(image), 1, 1), 41},
      {resize_call(strided, 2, 2, stored(image)), 37},
      {reduce_call({{384, 768}, 1, {768, 1}}, device_reduction::sum, {{}, {{dtype::float32, true, 0, {1, 0}}}}), 20},
      {softmax_call({{4608, 384}, 1, {384, 1}}, false, stored({4608, 384})), 25},
      {normalize_call({{384, 768}, 1, {768, 1}}, 1e-5f, true, relu({384, 768})), 30},
      {recurrent_call({device_cell::lstm, 4, 512, 2048}), 70},
      {recurrent_call({device_cell::gru, 1, 512, 1536}), 53},
      {pointwise_call({384, 768}, whole_numbers({384, 768})), 24},
      {gather_call({{384, 768}, {0, 1}, {1, 0}, {{30522, 768}}, 30522 * 768, 4, dtype::int64, true}), 19},
      {pad_call({.sizes = {3, 230, 230}, .extents = {3, 224, 224}, .first = {0, -3, -3}, .step = {1, 1, 1}}), 13},
      {arg_reduce_call({{128, 30522}, 1, {30522, 1}}, true, false), 48},
      {accumulate_call({.outer = 4, .length = 512, .element = dtype::int64}), 35},
  };
  device_attention attention{.heads = 12, .queries = 384, .keys = 384, .d = 64, .e = 64, .highest = 0};
  attention.q = attention.k = attention.v = {384 * 64 * 12, 64, 64 * 12};
  all.push_back({attention_call(attention, stored(attention.sizes())), 105});
  attention.precision = sinter::precision::float16;
  attention.element = convolution.element = dtype::float16;
  all.push_back({attention_call(attention, stored(attention.sizes())), 140});
  all.push_back({convolution_call(convolution, matrix_tiles, relu(convolution.sizes(), dtype::float16)), 140});
  return all;
}

/// The same for kernels of tensors that are stored in 16 bits.
std::vector<compiled_kernel> kernels_of_16_bits(dtype element, precision how) {
  device_sizes const image{1, 56, 56, 96};
  device_window const window{.c = 96,
                             .h = 56,
                             .w = 56,
                             .r = 3,
                             .s = 3,
                             .p = 56,
                             .q = 56,
                             .pad_h = 1,
                             .pad_w = 1,
                             .x_n = 96 * 56 * 56,
                             .x_h = 96 * 56,
                             .x_w = 96,
                             .element = element};
  device_convolution const convolution{.c = 256,
                                       .f = 256,
                                       .h = 14,
                                       .w = 14,
                                       .r = 3,
                                       .s = 3,
                                       .p = 14,
                                       .q = 14,
                                       .pad_h = 1,
                                       .pad_w = 1,
                                       .x_n = 256 * 14 * 14,
                                       .x_h = 256 * 14,
                                       .x_w = 256,
                                       .element = element};
  device_contraction const layer{.m = 128, .n = 3072, .k = 768, .a_m = 768, .b_k = 1, .b_n = 768, .element = element};
  auto const stored_as = [&](device_sizes const& sizes) { return device_epilogue{{}, {dense(sizes, true, element)}}; };
  std::vector<compiled_kernel> all{
      {pointwise_call(image, {expr::parse("t0 = sigmoid x0; mul t0 x1"),
                              {dense(image, false), dense(image, false, element), dense(image, true, element)}}),
       28},
      {depthwise_call(window, relu(image, element)), 67},
      {pool_call(window, device_pooling::maximum, stored_as(image)), 35},
      {reduce_call({{384, 768}, 1, {768, 1}, element}, device_reduction::sum, {{}, {{element, true, 0, {1, 0}}}}), 25},
      {softmax_call({{4608, 384}, 1, {384, 1}, element}, false, stored_as({4608, 384})), 25},
      {normalize_call({{384, 768}, 1, {768, 1}, element}, 1e-5f, true, relu({384, 768}, element)), 31},
      {recurrent_call({device_cell::lstm, 4, 512, 2048, false, 16, element}), 70},
  };
  constexpr int registers[][2] = {{140, 140}, {80, 79}, {117, 86}, {70, 58}, {52, 44}, {70, 42}};
  for (std::size_t i = 0; i < std::size(matrix_tile_choices); ++i) {
    auto tiles = matrix_tile_choices[i];
    tiles.precision = how;
    all.push_back({contraction_call(layer, tiles, relu(layer.sizes(), element)), registers[i][0]});
    tiles.splits = 4;
    all.push_back({convolution_call(convolution, tiles, relu(convolution.sizes(), element)), registers[i][1]});
  }
  return all;
}

/// What the compiler says of a kernel.
struct resources {
  int registers = 0, stack = 0;
};
resources resources_of(std::string const& log, std::string const& name) {
  auto const at = log.find("'" + name + "'");
  REQUIRE(at != std::string::npos);
  auto const number = [&](std::string const& pattern) {
    std::smatch match;
    auto const rest = log.substr(at);
    return std::regex_search(rest, match, std::regex(pattern)) ? std::stoi(match[1]) : -1;
  };
  return {number("Used (\\d+) registers"), number("(\\d+) bytes stack frame")};
}

/// Without NVRTC, nothing.
std::optional<nvrtc> compiler() {
  try {
    return load_nvrtc();
  } catch (error const& e) {
    WARN("SKIPPED: " << e.message());
    return std::nullopt;
  }
}

bool knows(nvrtc const& with, int arch) {
  int count = 0;
  with.get_num_supported_archs(&count);
  std::vector<int> archs(static_cast<std::size_t>(count));
  with.get_supported_archs(archs.data());
  return std::ranges::find(archs, arch) != archs.end();
}

void check_arch(nvrtc const& with, int arch, std::vector<compiled_kernel> const& all = kernels_of_all_forms()) {
  if (!knows(with, arch)) return;
  std::vector<device_kernel> text_of;
  for (auto const& k : all) text_of.push_back(k.call.kernel);
  auto const log = compile_cubin(with, cuda_text::cuda_module_text(text_of), cubin_options(arch)).log;
  CHECK_THAT(log, !says("warning"));
  for (auto const& k : all) {
    auto const name = cuda_text::kernel_name(k.call.kernel);
    auto const [registers, stack] = resources_of(log, name);
    INFO(name << " for sm_" << arch);
    CHECK(stack == 0);
    constexpr int dense_arch = 80;
    if (arch >= dense_arch) CHECK(registers <= k.registers);
  }
}

}  // namespace

TEST_CASE("NVRTC compiles all forms without spills") {
  if (auto const with = compiler())
    for (int const arch : {75, 90}) check_arch(*with, arch);
}

TEST_CASE("NVRTC compiles kernels of 16 bits without spills") {
  auto const with = compiler();
  if (!with) return;
  for (int const arch : {75, 90}) check_arch(*with, arch, kernels_of_16_bits(dtype::float16, precision::float16));
  check_arch(*with, 80, kernels_of_16_bits(dtype::bfloat16, precision::bfloat16));
}

TEST_CASE("NVRTC compiles kernels of 16 bits for every architecture", "[thorough]") {
  auto const with = compiler();
  if (!with) return;
  for (int const arch : {80, 86, 89, 90, 100, 120})
    for (auto const how : {precision::float16, precision::bfloat16})
      check_arch(*with, arch, kernels_of_16_bits(stored_element(how), how));
}

TEST_CASE("NVRTC compiles all forms for every architecture", "[thorough]") {
  if (auto const with = compiler())
    for (int const arch : {80, 86, 89, 100, 120}) check_arch(*with, arch);
}

TEST_CASE("NVRTC compiles kernels whose offsets need 64 bits", "[thorough]") {
  auto const with = compiler();
  constexpr int arch = 90;
  if (!with || !knows(*with, arch)) return;
  std::vector<device_kernel> all;
  for (auto& k : kernels_of_all_forms()) {
    k.call.kernel.arguments[0].bytes = std::int64_t{1} << 40;
    all.push_back(std::move(k.call.kernel));
  }
  auto const text = cuda_text::cuda_module_text(all);
  CHECK_THAT(text, says("typedef s64 index;"));
  CHECK_THAT(compile_cubin(*with, text, cubin_options(arch)).log, !says("warning"));
}
