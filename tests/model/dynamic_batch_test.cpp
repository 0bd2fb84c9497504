#include <sinter/ops/evaluate.hpp>
#include <sinter/sinter.hpp>

#include "catch.hpp"
#include "model/pipeline.hpp"
#include "onnx/messages.hpp"
#include "passes/random_inputs.hpp"
#include <cstdint>
#include <string>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

/// An ONNX model like mobilenet_v2: expansion, depthwise convolution and projection with a residual, pooling,
/// flattening by a shape subgraph, a classifier; N pictures of 3x20x20.
class mobile_model {
 public:
  mobile_model() : model_(messages::model(13)) {
    auto& x = *graph().add_input();
    x.set_name("x");
    messages::set_type(x, {1, 3, 20, 20});
    x.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0)->set_dim_param("N");
    convolution("x", "stem", 3, 24, 3, 2, 1);
    clip("stem", "stem6");
    convolution("stem6", "wide", 24, 72, 1, 1, 1);
    clip("wide", "wide6");
    convolution("wide6", "deep", 72, 72, 3, 1, 72);
    clip("deep", "deep6");
    convolution("deep6", "narrow", 72, 24, 1, 1, 1);
    messages::add_node(graph(), "Add", {"stem6", "narrow"}, {"joined"});
    messages::add_node(graph(), "GlobalAveragePool", {"joined"}, {"pooled"});
    messages::add_node(graph(), "Shape", {"pooled"}, {"extents"});
    integers("zero", {}, {0});
    integers("rest", {1}, {-1});
    integers("front", {1}, {0});
    messages::add_node(graph(), "Gather", {"extents", "zero"}, {"items"});
    messages::add_node(graph(), "Unsqueeze", {"items", "front"}, {"items1"});
    auto& join = messages::add_node(graph(), "Concat", {"items1", "rest"}, {"target"});
    attribute(join, "axis", {0}, false);
    messages::add_node(graph(), "Reshape", {"pooled", "target"}, {"flat"});
    weights("classes", {24, 10});
    messages::add_node(graph(), "MatMul", {"flat", "classes"}, {"scores"});
    messages::add_output(graph(), "scores");
  }

  std::string bytes() const { return model_.SerializeAsString(); }

 private:
  messages::proto::GraphProto& graph() { return *model_.mutable_graph(); }

  static void attribute(messages::proto::NodeProto& n, std::string const& name, std::vector<std::int64_t> const& values,
                        bool list = true) {
    auto& a = *n.add_attribute();
    a.set_name(name);
    a.set_type(list ? messages::proto::AttributeProto::INTS : messages::proto::AttributeProto::INT);
    if (!list) a.set_i(values[0]);
    for (auto const v : values)
      if (list) a.add_ints(v);
  }
  void weights(std::string const& name, std::vector<std::int64_t> const& dims) {
    std::int64_t count = 1;
    for (auto const d : dims) count *= d;
    std::vector<float> values;
    for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>((i * 29 + seed_) % 64) / 256 - 0.125f);
    seed_ += 7;
    *graph().add_initializer() = messages::raw_tensor(name, 1, dims, messages::bytes_of(values));
  }
  void integers(std::string const& name, std::vector<std::int64_t> const& dims,
                std::vector<std::int64_t> const& values) {
    *graph().add_initializer() = messages::raw_tensor(name, 7, dims, messages::bytes_of(values));
  }
  void clip(std::string const& from, std::string const& to) {
    *graph().add_initializer() = messages::raw_tensor(to + "_low", 1, {}, messages::bytes_of<float>({0}));
    *graph().add_initializer() = messages::raw_tensor(to + "_high", 1, {}, messages::bytes_of<float>({6}));
    messages::add_node(graph(), "Clip", {from, to + "_low", to + "_high"}, {to});
  }
  void convolution(std::string const& from, std::string const& to, std::int64_t in, std::int64_t out,
                   std::int64_t kernel, std::int64_t stride, std::int64_t group) {
    weights(to + "_w", {out, in / group, kernel, kernel});
    weights(to + "_b", {out});
    auto& n = messages::add_node(graph(), "Conv", {from, to + "_w", to + "_b"}, {to});
    auto const pad = kernel / 2;
    attribute(n, "kernel_shape", {kernel, kernel});
    attribute(n, "strides", {stride, stride});
    attribute(n, "pads", {pad, pad, pad, pad});
    attribute(n, "group", {group}, false);
  }

  messages::proto::ModelProto model_;
  std::int64_t seed_ = 3;
};

/// The graph of a model for pictures of one batch size.
graph graph_for(std::string const& bytes, std::int64_t batch) {
  auto g = sinter::onnx::import_bytes(messages::as_bytes(bytes));
  g.at(g.inputs[0].value).type.shape = shape{batch, 3, 20, 20};
  return g;
}

}  // namespace

TEST_CASE("one model runs batches of any size with one set of packed weights") {
  auto const bytes = mobile_model().bytes();
  for (target const set : {"avx512", "avx2", "none"}) {
    if (!native_target().covers(set)) {
      WARN("SKIPPED: this CPU has no " << to_string(set));
      continue;
    }
    INFO(to_string(set));
    auto const net = load_bytes(messages::as_bytes(bytes), {.target = set, .threads = 1});
    std::size_t weight_bytes = 0;
    for (std::int64_t const batch : {1, 4, 3, 1}) {
      INFO("batch " << batch);
      auto const g = graph_for(bytes, batch);
      auto const inputs = random_inputs(g, static_cast<std::uint32_t>(batch));
      auto const out = net.run({{"x", inputs[0].view()}});
      CHECK(difference({own(out["scores"])}, evaluate(g, inputs)) == "");
      if (weight_bytes == 0) weight_bytes = net.memory().weight_bytes;
      CHECK(net.memory().weight_bytes == weight_bytes);
    }
    CHECK((weight_bytes > 0) == (set != target("none")));
    CHECK(net.memory().signatures == 3);
  }
}

TEST_CASE("items of a batch do not depend on their company") {
  auto const bytes = mobile_model().bytes();
  for (target const set : {"avx512", "avx2"}) {
    if (!native_target().covers(set)) continue;
    auto const net = load_bytes(messages::as_bytes(bytes), {.target = set, .threads = 1});
    auto const inputs = random_inputs(graph_for(bytes, 4));
    auto const together = net.run({{"x", inputs[0].view()}});
    for (std::size_t i = 0; i < 4; ++i) {
      any_tensor one(dtype::float32, {1, 3, 20, 20});
      std::ranges::copy(inputs[0].as<float>().subspan(i * one.elements(), one.elements()),
                        one.mutable_view().as<float>().begin());
      auto const alone = net.run({{"x", one.view()}});
      CHECK(std::ranges::equal(alone[0].as<float>(), together[0].as<float>().subspan(i * 10, 10)));
    }
  }
}

TEST_CASE("batches of any size keep within a guarded arena") {
  auto const bytes = mobile_model().bytes();
  for (target const set : {"avx512", "avx2"})
    for (std::int64_t const batch : {1, 2, 3, 4}) {
      if (!native_target().covers(set)) continue;
      auto const g = graph_for(bytes, batch);
      auto const inputs = random_inputs(g);
      CHECK(equal_bits(run_compiled(g, inputs, {.set = set, .guard = memory_guard::guarded}),
                       run_compiled(g, inputs, {.set = set})));
    }
}
