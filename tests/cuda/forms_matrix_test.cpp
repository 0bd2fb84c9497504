#include "forms_products.hpp"
#include <utility>

using namespace sinter;

TEST_CASE("products by matrix units") {
  emulated_calls calls;
  using enum sinter::precision;
  for (auto const& [precision, element] : {std::pair{tf32, dtype::float32}, std::pair{float16, dtype::float32},
                                           std::pair{float16, dtype::float16}, std::pair{bfloat16, dtype::bfloat16}}) {
    device_tiles const whole{64, 32, 32, 32, 16, 3, 1, precision}, split{32, 64, 16, 16, 32, 2, 3, precision};
    auto const contraction = [&, type = element](device_contraction c, device_tiles const& tiles) {
      c.element = type;
      add_contraction(calls, c, tiles);
    };
    contraction({.m = 70, .n = 40, .k = 72, .a_m = 72, .b_k = 1, .b_n = 72}, whole);
    contraction({.m = 9, .n = 11, .k = 21, .a_m = 1, .a_k = 9, .b_k = 11}, whole);
    device_convolution c{.n = 2, .c = 16, .f = 24, .h = 7, .w = 6, .r = 3, .s = 3, .pad_h = 1, .pad_w = 1};
    c.element = element;
    add_convolution(calls, channels_last(c), split);
    if (element != dtype::float16) continue;
    contraction({.batch1 = 2, .m = 20, .n = 6, .k = 34, .a_batch1 = 680, .a_m = 34, .b_k = 1, .b_n = 34}, whole);
    add_convolution(calls, channels_first(c), whole);
    c = {.groups = 2,
         .c = 3,
         .f = 5,
         .h = 8,
         .w = 8,
         .r = 4,
         .s = 4,
         .p = 16,
         .q = 16,
         .stride_h = 2,
         .stride_w = 2,
         .pad_h = 1,
         .pad_w = 1};
    c.element = element;
    add_transposed(calls, channels_last(c), whole);
  }
  calls.run();
}
