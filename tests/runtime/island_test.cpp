#include <sinter/program/verify.hpp>
#include <sinter/runtime/executable.hpp>

#include "catch.hpp"
#include "runtime/programs.hpp"
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

/// Keeps the positive elements, then a node that shows its operand's own bytes.
operator_entry const positives{
    .schema = {.name = "Positives"},
    .parse = nullptr,
    .infer = nullptr,
    .element = nullptr,
    .kernel = nullptr,
    .evaluate = nullptr,
    .execute = [](std::span<any_tensor const> in, void const*, subgraph_runner&) -> std::vector<any_tensor> {
      std::vector<float> kept;
      for (auto const v : in[0].as<float>())
        if (v > 0) kept.push_back(v);
      if (kept.empty()) fail(error_code::invalid_argument, "nothing is positive");
      auto const n = static_cast<std::int64_t>(kept.size());
      return {any_tensor::of<float>({n}, std::span<float const>(kept)), in[0]};
    },
    .expression = nullptr};

program island_program() {
  program p;
  p.inputs = {{.type = rows(1), .where = {space::input, 0}, .constant = {}}};
  p.steps = {{.nodes = {node_id{0}},
              .action = island{.op = {&positives, {}},
                               .inputs = {{.slot = -1, .planned = p.inputs[0]}},
                               .outputs = {{.slot = 0}, {.slot = 1}}}}};
  p.nodes = {{.name = "pos", .op = "Positives"}};
  p.outputs = {{.type = {dtype::float32, std::nullopt}, .where = {}, .constant = {}},
               {.type = {dtype::float32, std::nullopt}, .where = {}, .constant = {}}};
  p.output_slots = {0, 1};
  p.slots = 2;
  return p;
}

/// Output 0 of a run on one row.
std::vector<float> kept(executable const& e, std::vector<float> const& x) {
  workspace w(e.memory());
  tensor_view const in{dtype::float32, {1, row}, x.data()};
  e.run(w, {&in, 1});
  auto const y = w.results[0].as<float>();
  return {y.begin(), y.end()};
}

}  // namespace

TEST_CASE("a result of an island goes to its planned place if it has the planned shape") {
  auto p = island_program();
  tensor_type const type{dtype::float32, shape{3}};
  p.outputs[0] = {.type = type, .where = {space::arena, 0}};
  std::get<island>(p.steps[0].action).outputs[0] = {.slot = -1, .planned = p.outputs[0]};
  p.output_slots[0] = -1;
  p.allocations = {{"kept", 12, 0, 0, 1}};
  p.arena_bytes = p.arena_bound = 64;
  weight_store store;
  executable const e(std::move(p), interpreted(), store);
  auto x = std::vector<float>(row, -1);
  x[3] = 7, x[5] = 8, x[30] = 9;
  CHECK(kept(e, x) == std::vector<float>{7, 8, 9});
  x[4] = 1;
  CHECK_THROWS_WITH(kept(e, x),
                    says("output 0 came out as float 4, planned for is float 3") && says("node 'pos' (Positives)"));
}

TEST_CASE("what an island shows of planned memory is copied, also where a slot shows it") {
  auto p = island_program();
  auto const type = rows(1);
  bound_operator const copy{find_operator("", "Identity", 13), {}};
  program_step first{.nodes = {node_id{0}}, .action = host_call{.op = copy, .inputs = {p.inputs[0]}}};
  auto& call = std::get<host_call>(first.action);
  call.outputs = {{.type = type, .where = {space::arena, 0}, .slot = 2, .axis = 1}};
  call.kernel.kernel.run = [](kernels::call const& c) {
    std::memcpy(c.out[0].data, c.in[0].data, row * 4);
    return kernels::status::found(row / 2);
  };
  p.steps.insert(p.steps.begin(), std::move(first));
  std::get<island>(p.steps[1].action).inputs = {{.slot = 2}};
  p.slots = 3;
  p.allocations = {{"copy", row * 4, 0, 0, 1}};
  p.arena_bytes = p.arena_bound = row * 4;
  CHECK_NOTHROW(verify(p));
  weight_store store;
  executable const e(std::move(p), interpreted(), store);
  workspace w(e.memory());
  auto const x = counting(row, 1);
  tensor_view const in{dtype::float32, {1, row}, x.data()};
  e.run(w, {&in, 1});
  CHECK(w.slots[2].shape() == shape{1, row / 2});
  CHECK_FALSE(w.slots[2].owns());
  CHECK(w.results[0].shape == shape{row / 2});
  CHECK(w.results[1].shape == shape{1, row / 2});
  CHECK(w.slots[1].owns());
}

TEST_CASE("islands make tensors of any shape, their errors name the node") {
  weight_store store;
  executable const e(island_program(), interpreted(), store);
  workspace w(e.memory());
  auto x = counting(row, -30);
  tensor_view const in{dtype::float32, {1, row}, x.data()};
  e.run(w, {&in, 1});
  CHECK(w.results[0].shape == shape{1});
  CHECK(w.results[0].as<float>()[0] == 1);
  CHECK(w.results[1].data != x.data());
  std::ranges::copy(counting(row, 1), x.begin());
  CHECK(w.results[1].as<float>()[0] == -30);
  e.run(w, {&in, 1});
  CHECK(w.results[0].shape == shape{32});
  CHECK_THROWS_WITH(kept(e, counting(row, -100)), "nothing is positive\n  in node 'pos' (Positives)");

  std::vector<float> y(5);
  mutable_tensor_view const out[]{{dtype::float32, {5}, y.data()}, {}};
  CHECK_THROWS_AS(e.run(w, {&in, 1}, out), error);
  std::ranges::copy(counting(row, -26), x.begin());
  e.run(w, {&in, 1}, out);
  CHECK(y == counting(5, 1));
}
