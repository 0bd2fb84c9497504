#include <sinter/graph/verify.hpp>
#include <sinter/onnx/import.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/passes/pass.hpp>

#include "catch.hpp"
#include "passes/opened.hpp"
#include "passes/random_inputs.hpp"
#include "shared.hpp"
#include <string>

using namespace sinter;

namespace {

/// A model, and how many nodes are left of it, all and those of ai.onnx alone.
struct expectation {
  std::string model;
  std::size_t nodes;
  std::size_t plain;
  double tolerance = 1e-4;
};

/// Gives each open dimension of the inputs the extent 1.
void fix_shapes(graph& g) {
  for (auto const& port : g.inputs) {
    auto& type = g.at(port.value).type;
    if (type.shape || !port.declared) continue;
    type.shape = shape{};
    for (auto const& d : *port.declared) type.shape->push_back(d.extent < 0 ? 1 : d.extent);
  }
}

}  // namespace

TEST_CASE("real models compute the same after optimisation") {
  auto const e = GENERATE(values<expectation>({
      {"mnist_cntk", 6, 3},
      {"mnist_pytorch", 8, 4},
      {"squeezenet_fp16", 41, 15, 5e-3},  // evaluate rounds each result to half precision, the optimised graph few
      {"super_resolution", 7, 3},
      {"keyword_spotting_fp32", 13, 7},
      {"keyword_spotting_qdq", 24, 15},
      {"face_detector_rfb320", 82, 26},
      {"yolox_nano", 139, 26},
      {"cct_opset20", 49, 29},
      {"classifier_qdq", 58, 4,
       0.02},  // sums are of integers, as those of onnxruntime, whose bits it mostly gives; evaluate adds floats
  }));
  auto const path = shared("models/" + e.model + "/model.onnx");
  if (!path) {
    WARN("SKIPPED: needs shared/models/" << e.model);
    return;
  }
  INFO(e.model);
  auto original = onnx::import_file(*path);
  fix_shapes(original);
  auto optimized = original;
  optimize(optimized, {.verify = true});
  auto const order = optimized.topological_order();
  CHECK(order.size() == e.nodes);
  CHECK(std::ranges::count_if(order, [&](node_id id) { return optimized.at(id).domain.empty(); }) ==
        static_cast<std::ptrdiff_t>(e.plain));
  auto const inputs = random_inputs(original);
  auto const expected = evaluate(original, inputs);
  CHECK(largest_difference(expected, evaluate(optimized, inputs)) <= e.tolerance);
  auto const opened = optimize_opened(original);
  CHECK(opened.topological_order().size() == e.nodes);
  CHECK(largest_difference(expected, evaluate(opened, inputs)) <= e.tolerance);
}
