#pragma once

#include <sinter/emit/x86/emit.hpp>
#include <sinter/ops/entry.hpp>
#include <sinter/schedules/schedule.hpp>
#include <sinter/vector/hash.hpp>
#include <sinter/vector/interpret.hpp>
#include <sinter/vector/verify.hpp>

#include "catch.hpp"
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

/// Runs what schedules build on row-major tensors, every access inside bounds: reorders by plain loops, packs, then
/// calls each task of each grid.
namespace sinter::test {

inline constexpr std::array targets{target("avx512"), target("avx2")};

/// A way to run kernels: makes one callable.
using kernel_call = std::function<void(std::byte* const*)>;
using kernel_runner = std::function<kernel_call(vector::program const&)>;

inline kernel_call interpreted(vector::program const& p) {
  return [&p](std::byte* const* arguments) { vector::interpret(p, arguments); };
}

/// Machine code, where this CPU can run it; else the interpreter.
inline kernel_call emitted(vector::program const& p) {
  target const needed = p.lanes == 16 ? "avx512" : "avx2";
  if (!native_target().covers(needed)) return interpreted(p);
  budget code("a kernel", limits{}.code_bytes);
  auto block = std::make_shared<code_block>(emit_x86({&p, 1}, needed, code));
  return [block](std::byte* const* arguments) { block->entry(0)(arguments); };
}

inline any_tensor random_tensor(shape s, std::uint32_t seed, float low = -2, float high = 2) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> draw(low, high);
  any_tensor t(dtype::float32, s);
  auto* data = static_cast<float*>(t.data());
  for (std::size_t i = 0; i < s.elements(); ++i) data[i] = draw(engine);
  return t;
}

/// An operand of a case: its value, whether it is a constant of the model, and the layout that it has.
struct test_operand {
  any_tensor value{};
  bool constant = false;
  layout how = layout::row_major;
};

/// One node on concrete operands.
struct test_case {
  sinter::node node{};
  bound_operator op{};
  std::vector<test_operand> inputs{};
  std::int64_t slack_blocks = 0;  ///< further channel blocks between the items of blocked operands
};

/// A node of operator `Operator`, bound without the table of operators.
template <typename Entry>
test_case make_case(Entry const& entry, attribute_map attributes, std::vector<test_operand> inputs,
                    std::int64_t version = 17) {
  test_case c;
  c.node.op = std::string(entry.schema.name);
  c.node.domain = std::string(entry.schema.domain);
  c.node.version = version;
  c.node.attributes = std::move(attributes);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    c.node.inputs.push_back(inputs[i].value ? value_id{static_cast<std::int32_t>(i)} : value_id{});
  c.node.outputs.push_back({static_cast<std::int32_t>(inputs.size())});
  c.op = {&entry, entry.parse(attribute_reader(c.node))};
  c.inputs = std::move(inputs);
  return c;
}

inline std::vector<tensor_type> inferred_types(test_case const& c) {
  std::vector<operand> operands;
  for (auto const& in : c.inputs)
    operands.push_back(in.value ? operand{.type = {in.value.type(), in.value.shape()}, .value = &in.value} : operand{});
  auto outputs = c.op.infer(inputs(operands));
  outputs.resize(std::min(outputs.size(), c.node.outputs.size()));
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (!c.node.outputs[i]) outputs[i] = {};
  return outputs;
}

/// What the operator's `evaluate` says.
inline std::vector<any_tensor> expected_outputs(test_case const& c) {
  std::vector<any_tensor> result;
  for (auto const& type : inferred_types(c))
    result.push_back(type.shape ? any_tensor(type.element, *type.shape) : any_tensor{});
  std::vector<tensor_view> in;
  for (auto const& operand : c.inputs) in.push_back(operand.value ? operand.value.view() : tensor_view{});
  std::vector<mutable_tensor_view> out;
  for (auto& t : result) out.push_back(t ? t.mutable_view() : mutable_tensor_view{});
  c.op.evaluate(in, out);
  return result;
}

inline operand_info info_of(tensor_type const& type, layout how, std::int64_t slack_blocks) {
  operand_info o{.type = type, .how = how};
  if (type.element == dtype::undefined || !type.shape) return o;
  o.item_stride = item_bytes(*type.shape, type.element, how);
  if (how == layout::blocked && type.shape->rank() >= 2)
    o.item_stride += slack_blocks * 64 * static_cast<std::int64_t>(type.shape->elements(2, type.shape->rank()));
  return o;
}

/// The node as a schedule sees it before layouts are chosen.
inline scheduled_node describe_case(test_case const& c) {
  scheduled_node n{.n = &c.node, .op = c.op};
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    auto const& in = c.inputs[i];
    if (!in.value) {
      n.inputs.emplace_back();
      continue;
    }
    n.inputs.push_back(info_of({in.value.type(), in.value.shape()}, in.how, c.slack_blocks));
    if (in.constant) n.inputs.back().constant = in.value, n.inputs.back().constant_key = "k" + std::to_string(i);
  }
  for (auto const& type : inferred_types(c)) n.outputs.push_back(info_of(type, layout::row_major, 0));
  return n;
}

/// Memory of one operand in its layout; bytes that no element owns are NaN (blocked lanes past the last channel: 1.5).
class test_buffer {
 public:
  test_buffer() = default;
  test_buffer(operand_info const& o) : info_(o), bytes_(static_cast<std::size_t>(extent(o)), std::byte{0xff}) {}
  explicit test_buffer(std::int64_t bytes) : bytes_(static_cast<std::size_t>(bytes), std::byte{0xff}) {}

  std::byte* data() { return bytes_.data(); }
  std::int64_t size() const { return static_cast<std::int64_t>(bytes_.size()); }

  void write(any_tensor const& t) {
    if (blocked())
      for_each_lane([&](std::int64_t at, std::int64_t from) {
        float const v = from < 0 ? 1.5f : static_cast<float const*>(t.data())[from];
        std::memcpy(bytes_.data() + at, &v, 4);
      });
    else
      std::memcpy(bytes_.data(), t.data(), t.bytes());
  }
  /// The elements; fails if a lane past the last channel is not finite.
  any_tensor read() const {
    if (!info_.present()) return {};
    any_tensor t(info_.type.element, info_.shape());
    bool finite = true;
    if (blocked())
      for_each_lane([&](std::int64_t at, std::int64_t to) {
        float v;
        std::memcpy(&v, bytes_.data() + at, 4);
        if (to < 0) finite = finite && std::isfinite(v);
        if (to >= 0) static_cast<float*>(t.data())[to] = v;
      });
    else
      std::memcpy(t.data(), bytes_.data(), t.bytes());
    CHECK(finite);
    return t;
  }

 private:
  static std::int64_t extent(operand_info const& o) {
    if (!o.present()) return 0;
    auto const dense = item_bytes(o.shape(), o.type.element, o.how);
    auto const items = o.shape().empty() ? 1 : o.shape()[0];
    return items == 0 ? 0 : (items - 1) * (o.how == layout::blocked ? o.item_stride : dense) + dense;
  }
  bool blocked() const { return info_.how == layout::blocked && info_.shape().rank() >= 2; }

  /// visit(byte of the lane, row-major index of its element or -1)
  template <typename Visit>
  void for_each_lane(Visit&& visit) const {
    auto const& s = info_.shape();
    auto const pixels = static_cast<std::int64_t>(s.elements(2, s.rank())), blocks = ceil_div(s[1], 16);
    for (std::int64_t n = 0; n < s[0]; ++n)
      for (std::int64_t c = 0; c < blocks * 16; ++c)
        for (std::int64_t p = 0; p < pixels; ++p)
          visit(n * info_.item_stride + (c / 16 * pixels + p) * 64 + c % 16 * 4,
                c < s[1] ? (n * s[1] + c) * pixels + p : -1);
  }

  operand_info info_{};
  std::vector<std::byte> bytes_;
};

/// Buffers that code works on.
struct test_memory {
  std::vector<test_buffer> inputs{}, outputs{}, packed{};
  test_buffer scratch{};

  test_buffer& of(source const& s) {
    switch (s.what) {
      case source::kind::input: return inputs.at(s.index);
      case source::kind::output: return outputs.at(s.index);
      case source::kind::packed: return packed.at(s.index);
      case source::kind::scratch: break;
    }
    return scratch;
  }
};

/// Calls every task; an argument that reaches outside of its buffer fails the test.
inline void run_grid(kernel_grid const& g, test_memory& memory, kernel_runner const& run) {
  auto const kernel = g.kernel.make();
  REQUIRE(g.arguments.size() == kernel.arguments.size());
  std::vector<std::byte*> pointers(g.arguments.size());
  auto const call = run(kernel);
  std::array<std::int64_t, 4> i{};
  for (i[0] = 0; i[0] < g.extent[0]; ++i[0])
    for (i[1] = 0; i[1] < g.extent[1]; ++i[1])
      for (i[2] = 0; i[2] < g.extent[2]; ++i[2])
        for (i[3] = 0; i[3] < g.extent[3]; ++i[3]) {
          for (std::size_t a = 0; a < g.arguments.size(); ++a) {
            auto const& s = g.arguments[a];
            auto at = s.offset;
            for (std::size_t axis = 0; axis < 4; ++axis) at += i[axis] * s.stride[axis];
            auto& buffer = memory.of(s);
            INFO("argument " << kernel.arguments[a].name << " of " << kernel.name << ": " << at << " + "
                             << kernel.arguments[a].bytes << " of " << buffer.size());
            if (at < 0 || at + kernel.arguments[a].bytes > buffer.size()) FAIL("out of bounds");
            pointers[a] = buffer.data() + at;
          }
          call(pointers.data());
        }
}

inline void run_code(scheduled_code const& code, test_memory& memory, kernel_runner const& run) {
  for (auto const& p : code.packed) {
    memory.packed.emplace_back(p.bytes);
    p.fill(memory.packed.back().data());
  }
  memory.scratch = test_buffer(code.scratch_bytes);
  for (auto const& region : code.regions)
    for (auto const& grid : region) run_grid(grid, memory, run);
}

/// Whether all kernels with this key, of all cases so far, are one program.
inline bool is_decided_by_key(std::string const& key, vector::program const& kernel) {
  static std::map<std::string, vector::program> seen;
  return key.empty() || vector::equal(seen.try_emplace(key, kernel).first->second, kernel);
}

/// Checks each kernel of the code against the rules of vector programs, and its key.
inline void verify_code(scheduled_code const& code, target const& t) {
  for (auto const& region : code.regions)
    for (auto const& grid : region) {
      auto const kernel = grid.kernel.make();
      CHECK(kernel.lanes == t.lanes());
      CHECK_NOTHROW(vector::verify(kernel));
      CHECK(is_decided_by_key(grid.kernel.key(), kernel));
    }
}

/// Runs a case by a schedule, in place of input `in_place` if that is given; no value if the schedule does not apply.
inline std::optional<std::vector<any_tensor>> run_case(test_case const& c, schedule const& s, target const& t,
                                                       kernel_runner const& run = interpreted,
                                                       std::optional<std::uint32_t> in_place = {}) {
  auto n = describe_case(c);
  auto const choice = s.applies(n, t);
  if (!choice) return std::nullopt;
  REQUIRE(choice->inputs.size() == n.inputs.size());
  REQUIRE(choice->outputs.size() == n.outputs.size());
  auto const relayout = [&](operand_info& o, layout how, std::int64_t slack) {
    auto const again = info_of(o.type, how, slack);
    o.how = how, o.item_stride = again.item_stride;
  };
  for (std::size_t i = 0; i < n.inputs.size(); ++i) relayout(n.inputs[i], choice->inputs[i], c.slack_blocks);
  for (std::size_t i = 0; i < n.outputs.size(); ++i) relayout(n.outputs[i], choice->outputs[i], c.slack_blocks);
  auto const code = s.build(n, t);
  verify_code(code, t);
  test_memory memory;
  for (std::size_t i = 0; i < n.inputs.size(); ++i) {
    bool const stored = n.inputs[i].present() && !c.inputs[i].constant;
    memory.inputs.push_back(stored ? test_buffer(n.inputs[i]) : test_buffer{});
    if (stored) memory.inputs.back().write(c.inputs[i].value);
  }
  for (auto const& o : n.outputs) memory.outputs.emplace_back(o);
  if (in_place) std::swap(memory.outputs[0], memory.inputs[*in_place]);
  auto moved = code;
  if (in_place)  // both operands are the one buffer
    for (auto& region : moved.regions)
      for (auto& grid : region)
        for (auto& a : grid.arguments)
          if (a.what == source::kind::input && a.index == *in_place) a.what = source::kind::output, a.index = 0;
  run_code(moved, memory, run);
  std::vector<any_tensor> result;
  for (auto const& o : memory.outputs) result.push_back(o.read());
  return result;
}

/// Greatest difference, relative to the greatest expected magnitude.
inline double difference(any_tensor const& got, any_tensor const& expected) {
  REQUIRE(got.shape() == expected.shape());
  if (!expected) return 0;
  auto const a = got.as<float>(), b = expected.as<float>();
  double worst = 0, scale = 1e-30;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) != std::isnan(b[i])) return INFINITY;
    if (a[i] == b[i] || std::isnan(a[i])) continue;
    worst = std::max(worst, std::fabs(double{a[i]} - double{b[i]}));
  }
  for (auto const v : b)
    if (std::isfinite(v)) scale = std::max(scale, std::fabs(double{v}));
  return worst / scale;
}

/// Payloads of NaNs aside.
inline bool same_bits(any_tensor const& a, any_tensor const& b) {
  auto const same = [](float x, float y) { return std::memcmp(&x, &y, 4) == 0 || (x != x && y != y); };
  if (!a || !b) return !a && !b;
  return a.shape() == b.shape() && std::ranges::equal(a.as<float>(), b.as<float>(), same);
}

/// Runs a case on both targets, compares with `evaluate` within `tolerance` (of the greatest magnitude) and the
/// targets' bits with one another.
inline void check_case(test_case const& c, schedule const& s, double tolerance = 2e-6) {
  auto const expected = expected_outputs(c);
  std::optional<std::vector<any_tensor>> first;
  for (auto const& t : targets) {
    INFO("lanes " << t.lanes());
    auto const got = run_case(c, s, t);
    REQUIRE(got);
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(difference((*got)[i], expected[i]) <= tolerance);
    if (!first) first = got;
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(same_bits((*got)[i], (*first)[i]));
    auto const machine = run_case(c, s, t, emitted);
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(same_bits((*machine)[i], (*first)[i]));
    auto const choice = s.applies(describe_case(c), t);
    for (auto const i : choice->in_place) {
      INFO("in place of input " << i);
      auto const again = run_case(c, s, t, emitted, i);
      CHECK(same_bits((*again)[0], (*first)[0]));
    }
  }
}

}  // namespace sinter::test
