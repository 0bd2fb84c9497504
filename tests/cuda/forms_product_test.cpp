#include "forms_products.hpp"

using namespace sinter;

namespace {

constexpr device_tiles small{.tile_m = 32, .tile_n = 32, .tile_k = 16, .part_m = 2, .part_n = 4};

}  // namespace

TEST_CASE("contractions of any strides", "[device]") {
  emulated_calls calls;
  auto three_stages = small;
  three_stages.stages = 3;
  auto split = small;
  split.splits = 3;
  device_contraction const plain{.m = 70, .n = 52, .k = 36, .a_m = 36, .b_k = 52};
  add_contraction(calls, plain, small);
  add_contraction(calls, plain, three_stages);
  add_contraction(calls, plain, split);
  add_contraction(calls, plain, tile_choices[1]);
  add_contraction(calls, {.m = 5, .n = 7, .k = 11, .a_m = 11, .b_k = 7}, small);
  add_contraction(calls, {.m = 33, .n = 40, .k = 19, .a_m = 1, .a_k = 33, .b_k = 1, .b_n = 19}, small);
  add_contraction(calls,
                  {.batch0 = 2,
                   .batch1 = 3,
                   .m = 9,
                   .n = 8,
                   .k = 4,
                   .a_batch0 = 108,
                   .a_batch1 = 4,
                   .a_m = 12,
                   .b_batch1 = 32,
                   .b_k = 8},
                  small);
  add_contraction(calls, {.m = 1, .n = 100, .k = 130, .a_m = 130, .b_k = 100}, {16, 64, 16, 2, 4, 3, 5});
  calls.run();
}

TEST_CASE("convolutions of any layout", "[device]") {
  emulated_calls calls;
  auto split = small;
  split.splits = 4;
  device_convolution const padded{.n = 2, .c = 8, .f = 12, .h = 9, .w = 7, .r = 3, .s = 3, .pad_h = 1, .pad_w = 1};
  add_convolution(calls, channels_last(padded), small);
  add_convolution(calls, channels_last(padded), split);
  add_convolution(calls, channels_first(padded), small);
  add_convolution(
      calls,
      channels_first(
          {.c = 3, .f = 8, .h = 15, .w = 14, .r = 5, .s = 4, .stride_h = 2, .stride_w = 3, .pad_h = 2, .pad_w = 1}),
      small);
  add_convolution(calls, channels_last({.groups = 3, .c = 2, .f = 3, .h = 6, .w = 6, .r = 2, .s = 3, .dilation_h = 2}),
                  small);
  add_convolution(calls,
                  channels_last({.groups = 2,
                                 .c = 4,
                                 .f = 4,
                                 .h = 6,
                                 .w = 6,
                                 .r = 3,
                                 .s = 3,
                                 .pad_h = 1,
                                 .pad_w = 1,
                                 .dilation_h = 2,
                                 .dilation_w = 2}),
                  split);
  calls.run();
}

TEST_CASE("convolutions of one pixel, whose pixels lie in one row or do not", "[device]") {
  emulated_calls calls;
  auto split = small;
  split.splits = 2;
  device_convolution const pixels{.n = 3, .c = 16, .f = 40, .h = 5, .w = 5};
  device_convolution const groups{.groups = 3, .c = 24, .f = 4, .h = 4, .w = 7};
  add_convolution(calls, channels_last(pixels), small);
  add_convolution(calls, channels_first(pixels), small);
  add_convolution(calls, channels_last(groups), split);
  add_convolution(calls, channels_first(groups), small);
  auto padded = pixels, strided = groups;
  padded.pad_h = padded.pad_w = 1;
  strided.stride_w = 2;
  add_convolution(calls, channels_last(padded), small);
  add_convolution(calls, channels_last(strided), small);
  calls.run();
}

TEST_CASE("a convolution of one pixel is a product of matrices") {
  auto const form = [](device_convolution c) {
    c.p = (c.h - c.r) / c.stride_h + 1, c.q = (c.w - c.s) / c.stride_w + 1;
    return convolution_call(c, small, {{}, {result_with(row_major_strides(c.sizes()))}}).kernel.form;
  };
  device_convolution const pixels{.n = 3, .c = 16, .f = 40, .h = 5, .w = 5};
  CHECK(form(channels_last(pixels)) == "contraction");
  CHECK(form(channels_first(pixels)) == "convolution");
  CHECK(form(channels_last({.c = 16, .f = 40, .h = 5, .w = 5, .stride_h = 2})) == "convolution");
  CHECK(form(channels_last({.c = 16, .f = 40, .h = 5, .w = 5, .r = 1, .s = 2})) == "convolution");
}

TEST_CASE("transposed convolutions of any layout", "[device]") {
  emulated_calls calls;
  auto split = small;
  split.splits = 2;
  device_convolution const doubled{.n = 2,
                                   .c = 8,
                                   .f = 12,
                                   .h = 4,
                                   .w = 5,
                                   .r = 4,
                                   .s = 3,
                                   .p = 8,
                                   .q = 10,
                                   .stride_h = 2,
                                   .stride_w = 2,
                                   .pad_h = 1,
                                   .pad_w = 1};
  add_transposed(calls, channels_last(doubled), small);
  add_transposed(calls, channels_first(doubled), split);
  add_transposed(calls,
                 channels_last({.groups = 2,
                                .c = 3,
                                .f = 5,
                                .h = 4,
                                .w = 4,
                                .r = 3,
                                .s = 2,
                                .p = 14,
                                .q = 12,
                                .stride_h = 3,
                                .stride_w = 3,
                                .dilation_h = 2,
                                .dilation_w = 3}),
                 small);
  add_transposed(
      calls, channels_last({.c = 4, .f = 4, .h = 5, .w = 5, .r = 3, .s = 3, .p = 5, .q = 5, .pad_h = 1, .pad_w = 1}),
      small);
  calls.run();
}
