#pragma once

#include <sinter/program/device_forms.hpp>

#include <algorithm>
#include <cstdint>

namespace sinter {

enum class device_cell : std::int8_t { lstm, gru };

/// One step of a recurrent layer in one direction. A row of x has the products of input and weights as
/// `kernels::projection_index` places them.
struct device_recurrent {
  device_cell cell = device_cell::lstm;
  std::int64_t batch = 1, hidden = 1;
  std::int64_t x_batch = 0;  ///< elements from row to row of x
  bool peephole = false;
  std::int64_t alignment = 16;     ///< bytes that divide the addresses of r and h
  dtype element = dtype::float32;  ///< of x and r
};

/// Arguments: x, r, h, y; of an LSTM c, and peepholes if there are any; of a GRU the bias of gate h's product with the
/// state.
inline device_call recurrent_call(device_recurrent const& c) {
  bool const lstm = c.cell == device_cell::lstm;
  std::int64_t const gates = lstm ? 4 : 3, rows = std::min<std::int64_t>(c.batch, 4);
  device_call call;
  auto& k = call.kernel;
  k.form = "recurrent";
  k.constants = {{"cell", static_cast<std::int64_t>(c.cell)},
                 {"batch", c.batch},
                 {"hidden", c.hidden},
                 {"x_batch", c.x_batch},
                 {"rows", rows},
                 {"vector", c.hidden % 4 == 0 && c.alignment % 16 == 0 ? 4 : 1},
                 {"peephole", c.peephole}};
  auto const state = c.batch * c.hidden;
  k.arguments = {dense_argument((c.batch - 1) * c.x_batch + divide_up(c.hidden, 16) * 16 * gates, false, c.element),
                 dense_argument(gates * c.hidden * c.hidden, false, c.element), dense_argument(state),
                 dense_argument(state, true)};
  k.arguments.push_back(lstm ? dense_argument(state, true) : dense_argument(c.hidden));
  if (c.peephole) k.arguments.push_back(dense_argument(3 * c.hidden));
  call.blocks = {long_block_count(divide_up(c.hidden, k.threads / 32)), block_count(divide_up(c.batch, rows)), 1};
  return call;
}

}  // namespace sinter
