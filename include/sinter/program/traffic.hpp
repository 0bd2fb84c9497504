#pragma once

#include <sinter/program/work.hpp>
#include <sinter/vector/opcodes.hpp>
#include <sinter/vector/tiles.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <variant>
#include <vector>

/// What steps of a program compute and touch, for measurements.
namespace sinter {

/// Operations by what executes them, at rates of their own; a multiply-add is two.
struct operation_counts {
  double lanes = 0;           ///< of float32, in all lanes that execute them
  double bfloat16_tiles = 0;  ///< products of tiles
  double byte_tiles = 0;      ///< those of integers

  double total() const { return lanes + bfloat16_tiles + byte_tiles; }
};

/// Of one run of a step.
struct step_work {
  operation_counts operations{};
  std::int64_t bytes = 0;  ///< of tensors and weights that are read or written, each once; scratch does not count
  bool computes = false;   ///< kernels do more than move elements
};

namespace detail {

/// Operations of float32 that one instruction does in each lane.
inline int operations_of(vector::opcode op) {
  if (op == vector::opcode::fma || op == vector::opcode::fnma) return 2;
  return op >= vector::opcode::add && op <= vector::opcode::select ? 1 : 0;
}

/// Whether an instruction makes numbers; bits that are joined, shifted or reinterpreted may be elements on their way.
inline bool computes(vector::opcode op) {
  using enum vector::opcode;
  return operations_of(op) > 0 || op == tile_dot2_bf16 || op == tile_dot4 || (op >= iadd && op <= imax) ||
         (op >= to_i32 && op <= pack_bf16) || op == hsum || op == hmax;
}

/// Operations of one call of a kernel.
inline operation_counts operations_of(vector::program const& kernel) {
  operation_counts sum;
  auto const tiles = vector::tile_shapes(kernel);
  auto const products = [&](vector::instruction const& i, int of_word) {
    auto const &to = tiles[static_cast<std::size_t>(i.d.id)], &from = tiles[static_cast<std::size_t>(i.a.id)];
    return 2.0 * of_word * to.rows * (to.bytes / 4) * (from.bytes / 4);
  };
  for_each_executed(kernel, [&](vector::instruction const& i, double turns) {
    if (i.op == vector::opcode::tile_dot2_bf16) sum.bfloat16_tiles += turns * products(i, 2);
    if (i.op == vector::opcode::tile_dot4) sum.byte_tiles += turns * products(i, 4);
    sum.lanes += turns * operations_of(i.op) * kernel.lanes;
  });
  return sum;
}

/// The bytes of each memory that arguments reach.
class touched_bytes {
 public:
  /// Bytes [low, high) of what `a` names, of which at most `most` are touched.
  void add(address const& a, std::int64_t low, std::int64_t high, double most) {
    if (a.in == space::scratch) return;
    auto& m = memories_[{a.in, a.index}];
    m.ranges.emplace_back(low, high);
    m.most += std::min(most, static_cast<double>(high - low));
  }

  std::int64_t total() {
    std::int64_t sum = 0;
    for (auto& [where, m] : memories_) sum += std::min(covered(m.ranges), static_cast<std::int64_t>(m.most));
    return sum;
  }

 private:
  using range = std::pair<std::int64_t, std::int64_t>;
  struct memory {
    std::vector<range> ranges{};
    double most = 0;
  };

  static std::int64_t covered(std::vector<range>& ranges) {
    std::ranges::sort(ranges);
    std::int64_t sum = 0, end = INT64_MIN;
    for (auto const& [low, high] : ranges) {
      if (high > end) sum += high - std::max(low, end), end = high;
    }
    return sum;
  }

  std::map<std::pair<space, std::uint32_t>, memory> memories_{};
};

inline void add_call(touched_bytes& to, program const& p, grid const& g, statement const& call,
                     std::vector<extent> const& loops) {
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    auto const& a = call.arguments[i];
    auto const bytes = p.kernels[call.kernel.index]->arguments[i].bytes;
    auto low = a.offset, high = a.offset + bytes;
    auto most = static_cast<double>(bytes);
    for (std::size_t axis = 0; axis < index_rank; ++axis) {
      auto const depth = axis - grid_rank;
      auto const turns = axis < grid_rank ? g.extents[axis] : depth < loops.size() ? loops[depth] : extent();
      auto const way = (turns.turns() - 1) * a.stride[axis];
      (way < 0 ? low : high) += way;
      if (way != 0) most *= static_cast<double>(turns.turns());
    }
    to.add(a, low, high, most);
  }
}

inline step_work work_of(program const& p, region const& r) {
  step_work sum;
  touched_bytes bytes;
  for (auto const& g : r.grids) {
    for_each_call(g.body, [&](statement const& call, auto const& loops) { add_call(bytes, p, g, call, loops); });
    for_each_counted_call(g, 0, [&](statement const& call, double times) {
      auto const& kernel = *p.kernels[call.kernel.index];
      auto const each = operations_of(kernel);
      sum.operations.lanes += times * each.lanes;
      sum.operations.bfloat16_tiles += times * each.bfloat16_tiles;
      sum.operations.byte_tiles += times * each.byte_tiles;
      sum.computes = sum.computes || std::ranges::any_of(kernel.code, computes, &vector::instruction::op);
    });
  }
  sum.bytes = bytes.total();
  return sum;
}

}  // namespace detail

/// The work of a step of a program for a CPU. Of host calls and islands `operations` are 0, and of islands the bytes of
/// tensors on the heap are not counted.
inline step_work work_of(program const& p, program_step const& s) {
  if (auto const* r = std::get_if<region>(&s.action)) return detail::work_of(p, *r);
  step_work sum{.computes =
                    !std::holds_alternative<control>(s.action) && !std::holds_alternative<tensor_copy>(s.action)};
  auto const count = [&](view_binding const& v) {
    if (v.type.element != dtype::undefined && v.type.shape)
      sum.bytes += static_cast<std::int64_t>(dense_bytes(v.type.element, *v.type.shape));
  };
  if (auto const* h = std::get_if<host_call>(&s.action))
    for (auto const* views : {&h->inputs, &h->outputs}) std::ranges::for_each(*views, count);
  if (auto const* i = std::get_if<island>(&s.action))
    for (auto const* operands : {&i->inputs, &i->outputs})
      for (auto const& o : *operands) count(o.planned);
  if (auto const* c = std::get_if<tensor_copy>(&s.action)) {
    auto const& smaller = c->from.type.shape->rank() < c->to.type.shape->rank() ? c->from : c->to;
    count(smaller), count(smaller);
  }
  return sum;
}

}  // namespace sinter
