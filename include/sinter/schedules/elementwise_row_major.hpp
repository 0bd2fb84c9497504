#pragma once

#include <sinter/schedules/elementwise_function.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Elementwise functions in row-major layout with numpy's broadcasting. Dimensions that every operand walks alike are
/// joined first; then along the innermost one each operand is contiguous or one repeated element.
///
///     for outer dimensions, run of a middle dimension:   (grid)
///       for further dimensions:
///         for vector of the innermost dimension: load, compute, store; the last one in part
namespace sinter::detail {

/// Dimensions from the outermost in, with each operand's strides in bytes; the output is the last operand.
struct broadcast_nest {
  std::vector<std::int64_t> extents{};
  std::vector<std::vector<std::int64_t>> strides{};  ///< strides[operand][dimension]
};

/// A dense tensor: its shape and the bytes of an element.
struct dense_operand {
  sinter::shape shape{};
  std::int64_t size = 4;
};

/// Byte strides with which a dense tensor is read where it is broadcast to `target`.
inline std::vector<std::int64_t> broadcast_bytes(dense_operand const& o, shape const& target) {
  auto const& s = o.shape;
  std::vector<std::int64_t> strides(target.rank(), 0);
  auto bytes = o.size;
  for (std::size_t i = s.rank(); i-- > 0; bytes *= s[i])
    if (s[i] != 1) strides[i + target.rank() - s.rank()] = bytes;
  return strides;
}

inline broadcast_nest make_nest(std::vector<dense_operand> const& operands, dense_operand const& result) {
  auto const& out = result.shape;
  std::vector<std::vector<std::int64_t>> full;
  for (auto const& operand : operands) full.push_back(broadcast_bytes(operand, out));
  full.push_back(broadcast_bytes(result, out));
  broadcast_nest nest{.extents = {}, .strides = std::vector<std::vector<std::int64_t>>(full.size())};
  for (std::size_t axis = 0; axis < out.rank(); ++axis) {
    if (out[axis] == 1) continue;
    bool joins = !nest.extents.empty();
    for (std::size_t k = 0; k < full.size() && joins; ++k) joins = nest.strides[k].back() == full[k][axis] * out[axis];
    if (joins)
      nest.extents.back() *= out[axis];
    else
      nest.extents.push_back(out[axis]);
    for (std::size_t k = 0; k < full.size(); ++k)
      if (joins)
        nest.strides[k].back() = full[k][axis];
      else
        nest.strides[k].push_back(full[k][axis]);
  }
  if (nest.extents.empty()) {
    nest.extents.push_back(1);
    for (auto& s : nest.strides) s.push_back(0);
    nest.strides.back().back() = result.size;
  }
  return nest;
}

/// One kernel: the function over `nest`, whose dimensions are those inside a task.
class row_major_elementwise_kernel {
 public:
  expr::function const* function = nullptr;
  broadcast_nest nest{};
  std::vector<bool> used{};
  std::vector<vector::element> elements{};  ///< of the operands, then of the result

  std::int64_t size_of(std::size_t operand) const { return vector::size_of(elements[operand]); }
  std::int64_t reach(std::size_t operand) const {
    auto bytes = size_of(operand);
    for (std::size_t d = 0; d < nest.extents.size(); ++d) bytes += (nest.extents[d] - 1) * nest.strides[operand][d];
    return bytes;
  }

  vector::program build(target const& t) const {
    vector::builder b("elementwise", t.lanes());
    state s{.f = applied_function(*function)};
    auto const argument = [&](std::string name, vector::access mode, std::size_t i) {
      return b.argument(std::move(name), mode, reach(i), elements[i], vector::size_of(elements[i]));
    };
    for (std::size_t i = 0; i < used.size(); ++i)
      s.pointers.push_back(used[i] ? argument("x" + std::to_string(i), vector::access::in, i) : vector::pointer{});
    s.pointers.push_back(argument("y", vector::access::out, used.size()));
    s.held.resize(used.size());
    vector_group const group(*function, used.size(), t);
    s.at_once = group.vectors;
    int free = t.registers() - group.registers;
    for (std::size_t i = 0; i < used.size() && free > 0; ++i)
      if (used[i] && std::ranges::all_of(nest.strides[i], [](auto bytes) { return bytes == 0; }))
        s.held[i] = b.load(s.pointers[i].broadcast(0)), --free;
    if (free > 0) s.f.keep_constants(b, free);
    dimension(b, s, 0);
    return std::move(b).take();
  }

 private:
  struct state {
    applied_function f;
    std::vector<vector::pointer> pointers{};
    std::vector<vector::reg> held{};  ///< operands that are one element for the whole task
    std::int64_t at_once = 1;         ///< vectors side by side
  };
  using step_list = std::vector<std::pair<vector::pointer, std::int64_t>>;

  /// Steps of the operands for one position of dimension `d`, times `positions`.
  step_list steps(state const& s, std::size_t d, std::int64_t positions) const {
    step_list result;
    for (std::size_t i = 0; i < nest.strides.size(); ++i)
      if (s.pointers[i].stream >= 0 && nest.strides[i][d] != 0)
        result.emplace_back(s.pointers[i], nest.strides[i][d] * positions);
    return result;
  }

  void dimension(vector::builder& b, state const& s, std::size_t d) const {
    if (d + 1 < nest.extents.size()) return b.loop(nest.extents[d], steps(s, d, 1), [&] { dimension(b, s, d + 1); });
    std::int64_t const lanes = b.lanes(), length = nest.extents[d];
    auto const vectors = length / lanes, unroll = std::clamp<std::int64_t>(vectors, 1, unroll_of(*function, 4, 1));
    if (vectors > 0) b.loop(vectors / unroll, steps(s, d, unroll * lanes), [&] { compute(b, s, 0, unroll * lanes); });
    compute(b, s, vectors / unroll * unroll * lanes, length);
  }

  /// The elements [begin, end), a few vectors at a time.
  void compute(vector::builder& b, state const& s, std::int64_t begin, std::int64_t end) const {
    std::int64_t const lanes = b.lanes();
    auto const lanes_at = [&](std::int64_t at) { return static_cast<std::int32_t>(std::min(lanes, end - at)); };
    for (auto first = begin; first < end; first += s.at_once * lanes) {
      auto const last = std::min(end, first + s.at_once * lanes);
      std::vector<std::vector<vector::reg>> sets;
      for (auto at = first; at < last; at += lanes) sets.push_back(operands(b, s, at, lanes_at(at)));
      auto const y = s.f.side_by_side(b, sets);
      for (auto at = first; at < last; at += lanes)
        b.store(s.pointers.back().at(at * size_of(used.size())), y[static_cast<std::size_t>((at - first) / lanes)],
                lanes_at(at));
    }
  }

  std::vector<vector::reg> operands(vector::builder& b, state const& s, std::int64_t at, std::int32_t count) const {
    std::vector<vector::reg> x;
    for (std::size_t i = 0; i < used.size(); ++i) {
      if (!used[i] || s.held[i])
        x.push_back(s.held[i]);
      else if (nest.strides[i].back() == 0)
        x.push_back(b.load(s.pointers[i].broadcast(0)));
      else
        x.push_back(b.load(s.pointers[i].at(at * size_of(i)), count));
    }
    return x;
  }
};

/// Which dimension of a nest is cut into runs: the ones outside become axes of the grid, the ones inside loops.
struct nest_cut {
  std::size_t dimension = 0;
  std::vector<tile_run> runs{};
};

inline nest_cut cut_nest(broadcast_nest const& nest) {
  constexpr std::int64_t most = task_bytes / 4;
  std::int64_t inside = 1;
  auto d = nest.extents.size() - 1;
  while (d > 0 && inside * nest.extents[d] <= most / 2) inside *= nest.extents[d--];
  while (d > 3) inside *= nest.extents[d--];
  bool const innermost = d + 1 == nest.extents.size();
  return {d, innermost ? full_runs(nest.extents[d], most) : equal_runs(nest.extents[d], most / inside)};
}

inline std::optional<layout_choice> row_major_elementwise_layouts(scheduled_node const& n) {
  auto choice = same_layouts(n, layout::row_major, layout::row_major);
  for (std::size_t i = 0; i < n.inputs.size(); ++i) {
    auto const& in = n.inputs[i];
    if (!in.present()) continue;
    if (in.shape().rank() > n.outputs[0].shape().rank()) return std::nullopt;
    bool const same_type = n.inputs[i].type.element == n.outputs[0].type.element;
    if (!in.constant && same_type && in.shape() == n.outputs[0].shape())
      choice.in_place.push_back(static_cast<std::uint32_t>(i));
  }
  return choice;
}

inline fragment build_row_major_elementwise(scheduled_node const& n, elementwise_body const& body, target const& t) {
  fragment code;
  auto const used = used_inputs(body.function);
  std::vector<dense_operand> operands;
  std::vector<vector::element> elements;
  std::vector<address> sources;
  for (std::size_t i = 0; i < n.inputs.size(); ++i) {
    auto const& in = n.inputs[i];
    elements.push_back(element_in_memory(in));
    operands.push_back({used[i] ? in.shape() : shape{}, vector::size_of(elements.back())});
    if (used[i] && in.constant)
      sources.push_back(code.weight(pack_raw(in)));
    else
      sources.push_back({.in = space::input, .index = static_cast<std::uint32_t>(i)});
  }
  sources.push_back({.in = space::output});
  elements.push_back(element_in_memory(n.outputs[0]));
  auto const nest = make_nest(operands, {n.outputs[0].shape(), vector::size_of(elements.back())});
  auto const [cut, runs] = cut_nest(nest);
  for (auto const& piece : runs) {
    row_major_elementwise_kernel kernel;
    kernel.function = &body.function, kernel.used = used, kernel.elements = elements;
    kernel.nest.extents.assign(nest.extents.begin() + static_cast<std::ptrdiff_t>(cut), nest.extents.end());
    kernel.nest.extents[0] = piece.length;
    for (auto const& s : nest.strides)
      kernel.nest.strides.emplace_back(s.begin() + static_cast<std::ptrdiff_t>(cut), s.end());
    std::vector<address> arguments;
    std::array<extent, grid_rank> extents{};
    for (std::size_t d = 0; d < cut; ++d) extents[d] = nest.extents[d];
    extents[cut] = piece.count;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (i < used.size() && !used[i]) continue;
      auto s = sources[i];
      for (std::size_t d = 0; d < cut; ++d) s.stride[d] = nest.strides[i][d];
      s.offset = piece.first * nest.strides[i][cut];
      s.stride[cut] = piece.length * nest.strides[i][cut];
      arguments.push_back(s);
    }
    code.add(kernel.build(t), extents, std::move(arguments));
  }
  return code;
}

}  // namespace sinter::detail
