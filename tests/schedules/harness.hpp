#pragma once

#include <sinter/emit/x86/emit.hpp>
#include <sinter/ops/entry.hpp>
#include <sinter/schedules/schedule.hpp>
#include <sinter/vector/hash.hpp>
#include <sinter/vector/interpret.hpp>
#include <sinter/vector/verify.hpp>

#include "catch.hpp"
#include "schedules/fragment_run.hpp"
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
#include <span>
#include <string>
#include <vector>

/// Runs what schedules build on row-major tensors, every access inside bounds: reorders by plain loops, packs, then
/// calls each task of each grid.
namespace sinter::test {

inline constexpr std::array targets{target("avx512"), target("avx2")};
/// The same with instructions for products of 8-bit integers.
inline constexpr std::array byte_targets{targets[0], targets[1], target("x86-64:avx512vnni"), target("x86-64:avxvnni")};

inline any_tensor random_tensor(shape s, std::uint32_t seed, float low = -2, float high = 2) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> draw(low, high);
  any_tensor t(dtype::float32, s);
  auto* data = static_cast<float*>(t.data());
  for (std::size_t i = 0; i < s.elements(); ++i) data[i] = draw(engine);
  return t;
}

/// Bytes of all values; every third is one of the extremes.
inline any_tensor random_bytes(dtype type, shape s, std::uint32_t seed) {
  std::mt19937 random(seed);
  any_tensor t(type, s);
  auto* const to = static_cast<std::uint8_t*>(t.data());
  for (std::size_t i = 0; i < t.elements(); ++i) {
    auto const bits = static_cast<std::uint8_t>(random());
    constexpr std::uint8_t extremes[] = {0x00, 0x7f, 0x80, 0xff};
    to[i] = random() % 3 == 0 ? extremes[random() % 4] : bits;
  }
  return t;
}
/// An operand of a case: its value, whether it is a constant of the model, and the layout that it has.
struct test_operand {
  any_tensor value{};
  bool constant = false;
  layout how = layout::row_major;
};

inline test_operand blocked(shape s, std::uint32_t seed = 1) {
  return {random_tensor(s, seed), false, layout::blocked};
}

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
    o.item_stride += slack_blocks * 16 * static_cast<std::int64_t>(size_of(type.element)) *
                     static_cast<std::int64_t>(type.shape->elements(2, type.shape->rank()));
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
    if (in.constant) n.inputs.back().constant = &in.value, n.inputs.back().constant_key = "k" + std::to_string(i);
  }
  for (auto const& type : inferred_types(c)) n.outputs.push_back(info_of(type, layout::row_major, 0));
  return n;
}

/// Whether all kernels with this key, of all cases so far, are one program.
inline bool is_decided_by_key(std::string const& key, vector::program const& kernel) {
  static std::map<std::string, vector::program> seen;
  return key.empty() || vector::equal(seen.try_emplace(key, kernel).first->second, kernel);
}

/// Checks each kernel of the code against the rules of vector programs, and its key.
inline void verify_code(fragment const& code, target const& t) {
  for (auto const& recipe : code.kernels) {
    auto const kernel = recipe.make();
    CHECK(kernel.lanes == t.lanes());
    CHECK_NOTHROW(vector::verify(kernel));
    CHECK(is_decided_by_key(recipe.key(), kernel));
  }
}

/// Whether a schedule has code for a case.
inline bool offers(schedule const& s, scheduled_node const& n, target const& t) { return !s.offer(n, t).empty(); }
inline bool offers(schedule const& s, test_case const& c, target const& t) { return offers(s, describe_case(c), t); }

/// Cases as a group: each but the first has the result of the one before it as input 0.
inline scheduled_node describe_group(std::vector<test_case> const& cases) {
  auto n = describe_case(cases.back());
  for (std::size_t i = 0; i + 1 < cases.size(); ++i) {
    n.before.push_back(describe_case(cases[i]));
    n.before.back().first_input = n.first_input;
    for (auto& in : n.before.back().inputs)
      if (in.constant) in.constant_key += " of case " + std::to_string(i);
    n.first_input += static_cast<std::uint32_t>(cases[i].inputs.size());
  }
  return n;
}

/// Runs a group by a candidate, in place of input `in_place` if that is given.
inline std::vector<any_tensor> run_group(std::vector<test_case> const& cases, candidate const& how, target const& t,
                                         kernel_runner const& run = interpreted,
                                         std::optional<std::uint32_t> in_place = {}) {
  auto n = describe_group(cases);
  auto const& wanted = how.layouts;
  REQUIRE(wanted.inputs.size() == n.first_input + n.inputs.size());
  REQUIRE(wanted.outputs.size() == n.outputs.size());
  auto const relayout = [&](operand_info& o, layout as, std::int64_t slack) {
    auto const again = info_of(o.type, as, slack);
    o.how = as, o.item_stride = again.item_stride;
  };
  test_memory memory;
  for (std::size_t k = 0; k < cases.size(); ++k) {
    auto const& c = cases[k];
    auto& each = k + 1 < cases.size() ? n.before[k] : n;
    for (std::size_t i = 0; i < each.inputs.size(); ++i) {
      relayout(each.inputs[i], wanted.inputs[each.first_input + i], c.slack_blocks);
      bool const stored = each.inputs[i].present() && !c.inputs[i].constant && (k == 0 || i > 0);
      memory.inputs.push_back(stored ? test_buffer(each.inputs[i]) : test_buffer{});
      if (stored) memory.inputs.back().write(c.inputs[i].value);
    }
  }
  for (std::size_t i = 0; i < n.outputs.size(); ++i)
    relayout(n.outputs[i], wanted.outputs[i], cases.back().slack_blocks);
  auto code = how.build(n);
  verify_code(code, t);
  for (auto const& o : n.outputs) memory.outputs.emplace_back(o);
  if (in_place) {  // both operands are the one buffer
    std::swap(memory.outputs[0], memory.inputs[*in_place]);
    for (auto& region : code.regions)
      for (auto& grid : region.grids)
        for (auto& s : grid.body)
          for (auto& a : s.arguments)
            if (a.in == space::input && a.index == *in_place) a.in = space::output, a.index = 0;
  }
  fragment_run(code, memory, run).run();
  std::vector<any_tensor> result;
  for (auto const& o : memory.outputs) result.push_back(o.read());
  return result;
}

inline std::vector<any_tensor> run_case(test_case const& c, candidate const& how, target const& t,
                                        kernel_runner const& run = interpreted,
                                        std::optional<std::uint32_t> in_place = {}) {
  return run_group({c}, how, t, run, in_place);
}

/// Runs a case by the first candidate of a schedule; no value if there is none.
inline std::optional<std::vector<any_tensor>> run_case(test_case const& c, schedule const& s, target const& t,
                                                       kernel_runner const& run = interpreted,
                                                       std::optional<std::uint32_t> in_place = {}) {
  auto const offered = s.offer(describe_case(c), t);
  if (offered.empty()) return std::nullopt;
  return run_case(c, offered[0], t, run, in_place);
}

inline bool same_bytes(any_tensor const& a, any_tensor const& b) {
  return a.type() == b.type() && a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.bytes()) == 0;
}

/// Greatest difference, relative to the greatest expected magnitude; of integers any is infinite.
inline double difference(any_tensor const& got, any_tensor const& expected) {
  REQUIRE(got.shape() == expected.shape());
  if (!expected) return 0;
  if (expected.type() != dtype::float32) return same_bytes(got, expected) ? 0 : INFINITY;
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
  if (a.type() != dtype::float32) return same_bytes(a, b);
  return a.shape() == b.shape() && std::ranges::equal(a.as<float>(), b.as<float>(), same);
}

/// Runs a group by all candidates on all targets, compares with `evaluate` within `tolerance` (of the greatest
/// magnitude) and the targets' bits with one another.
inline void check_group(std::vector<test_case> cases, schedule const& s, double tolerance = 2e-6,
                        std::span<target const> on = targets) {
  auto expected = expected_outputs(cases[0]);
  for (std::size_t k = 1; k < cases.size(); ++k) {
    cases[k].inputs[0].value = expected[0];
    expected = expected_outputs(cases[k]);
  }
  auto const candidates = s.offer(describe_group(cases), on[0]).size();
  REQUIRE(candidates > 0);
  for (std::size_t number = 0; number < candidates; ++number) {
    std::optional<std::vector<any_tensor>> first;
    for (auto const& t : on) {
      INFO("candidate " << number << ", " << to_string(t));
      auto const offered = s.offer(describe_group(cases), t);
      REQUIRE(offered.size() == candidates);
      auto const& how = offered[number];
      auto const got = run_group(cases, how, t);
      for (std::size_t i = 0; i < expected.size(); ++i) CHECK(difference(got[i], expected[i]) <= tolerance);
      if (!first) first = got;
      for (std::size_t i = 0; i < expected.size(); ++i) CHECK(same_bits(got[i], (*first)[i]));
      auto const machine = run_group(cases, how, t, emitted);
      for (std::size_t i = 0; i < expected.size(); ++i) CHECK(same_bits(machine[i], (*first)[i]));
      for (auto const i : how.layouts.in_place) {
        INFO("in place of input " << i);
        auto const again = run_group(cases, how, t, emitted, i);
        CHECK(same_bits(again[0], (*first)[0]));
      }
    }
  }
}

inline void check_case(test_case const& c, schedule const& s, double tolerance = 2e-6,
                       std::span<target const> on = targets) {
  check_group({c}, s, tolerance, on);
}

}  // namespace sinter::test
