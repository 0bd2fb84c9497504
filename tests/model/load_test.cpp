#include <sinter/sinter.hpp>

#include "catch.hpp"
#include "onnx/messages.hpp"
#include <string>

using namespace sinter;

namespace {

/// y = Cast(x) to int64; the output is declared with `type`, or without any for 0.
messages::proto::ModelProto cast_model(int type, std::int64_t opset = 17) {
  auto m = messages::model(opset);
  auto& g = *m.mutable_graph();
  messages::add_input(g, "x", {2});
  auto& to = *messages::add_node(g, "Cast", {"x"}, {"y"}).add_attribute();
  to.set_name("to");
  to.set_type(messages::proto::AttributeProto::INT);
  to.set_i(7);
  messages::add_output(g, "y");
  if (type) messages::set_type(*g.mutable_output(0), {2}, type);
  return m;
}

model load_message(messages::proto::ModelProto const& m) {
  return load_bytes(messages::as_bytes(m.SerializeAsString()), {.threads = 1});
}

}  // namespace

TEST_CASE("outputs have the element type that is declared, or else inferred") {
  tensor<float> const x({2}, {1.5f, -2.5f});
  for (int const type : {0, 7}) {
    auto const net = load_message(cast_model(type));
    CHECK(net.outputs()[0].type == dtype::int64);
    auto const out = net.run({{"x", x}});
    CHECK(out[0].as<std::int64_t>()[1] == -2);
  }
  CHECK_THROWS_WITH(load_message(cast_model(1)),
                    says("'y' of the graph is declared as float, what computes it gives int64"));
}

TEST_CASE("loading lists all nodes that are not supported") {
  auto m = cast_model(7);
  auto& g = *m.mutable_graph();
  auto& note = *g.mutable_node(0)->add_attribute();
  note.set_name("rounding");
  note.set_type(messages::proto::AttributeProto::INT);
  messages::add_node(g, "Nothing", {"x"}, {"z"});
  try {
    load_message(m);
    FAIL("nothing was thrown");
  } catch (error const& e) {
    CHECK(e.code() == error_code::unsupported_operator);
    CHECK_THAT(e.what(), says("2 of the model's nodes") && says("does not know the attribute 'rounding'") &&
                             says("operator Nothing is not supported"));
  }
}

TEST_CASE("an operator set newer than the library is a warning") {
  CHECK(load_message(cast_model(7)).warnings().empty());
  CHECK(load_message(cast_model(7, 28)).warnings().empty());
  auto const net = load_message(cast_model(7, 29));
  REQUIRE(net.warnings().size() == 1);
  CHECK_THAT(net.warnings()[0], says("operator set 29, newer than 28"));
  tensor<float> const x({2}, {1, 2});
  auto const out = net.run({{"x", x}});
  CHECK(out[0].as<std::int64_t>()[1] == 2);
}
