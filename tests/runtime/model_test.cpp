#include <sinter/model_state.hpp>
#include <sinter/sinter.hpp>

#include "catch.hpp"
#include "error_message.hpp"
#include "runtime/programs.hpp"
#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

port_shape declared(std::vector<dimension> dimensions) { return {std::move(dimensions)}; }

/// A model of one float input x and one output y, `n` rows each; -1: any number. `compiled_for` gets the rows of each
/// compilation.
struct affine_model {
  std::mutex mutex;
  std::vector<std::int64_t> compiled_for;
  model net;

  explicit affine_model(std::int64_t n = -1, options const& how = {}) : net(make(n, how)) {}

  model make(std::int64_t n, options const& how) {
    graph g;
    auto const x = g.add_value("x", {dtype::float32, std::nullopt});
    auto const y = g.add_value("y", {dtype::float32, std::nullopt});
    auto const type = declared({{n, n < 0 ? "N" : ""}, {row, {}}});
    g.inputs = {{x, type.dimensions}};
    g.outputs = {{y, type.dimensions}};
    return model_state::make(std::move(g), how,
                             [this](rewritten_graph const&, signature const& s, compile_environment const& e) {
                               auto const rows = (*s.shapes[0])[0];
                               {
                                 std::scoped_lock lock(mutex);
                                 compiled_for.push_back(rows);
                               }
                               if (rows == 13) fail(error_code::unsupported_feature, "13 rows are not supported");
                               return executable(affine_program(rows), interpreted(), e.store->weights, e.pool);
                             });
  }
};

tensor<float> filled(std::int64_t n, float first = 0) {
  return tensor<float>({n, row}, std::span<float const>(counting(n * row, first)));
}

bool right(model const& net, std::int64_t n, float first = 0) {
  auto const x = filled(n, first);
  auto const out = net.run({{"x", x}});
  return std::ranges::equal(out[0].as<float>(), affine(counting(n * row, first)));
}

}  // namespace

TEST_CASE("inputs and outputs are described, and print") {
  affine_model const m;
  REQUIRE(m.net.inputs().size() == 1);
  auto const& in = m.net.inputs()[0];
  CHECK(fmt::format("{} {} {}", in.name, in.type, in.shape) == "x float Nx32");
  CHECK_FALSE(in.shape.known());
  CHECK(m.net.outputs()[0].name == "y");
  CHECK(affine_model(3).net.inputs()[0].shape.known() == shape{3, 32});
  CHECK(fmt::format("{} {} {}", port_shape{}, declared({}), declared({{-1, ""}, {4, ""}})) == "any shape scalar ?x4");
}

TEST_CASE("a model runs by names; outputs are read by name, position and in a loop") {
  affine_model const m(2);
  auto const x = filled(2);
  auto const expected = affine(counting(2 * row));
  auto out = m.net.run({{"x", x}});
  CHECK(out.size() == 1);
  CHECK(out["y"].shape == shape{2, row});
  CHECK(std::ranges::equal(out[0].as<float>(), expected));
  for (auto const& [name, value] : out) {
    CHECK(name == "y");
    CHECK(value.data == out[0].data);
  }
  auto const kept = std::move(out);
  auto const second = m.net.run({{"x", filled(2, 100)}});
  CHECK(std::ranges::equal(kept["y"].as<float>(), expected));
  CHECK(tensor<float>(kept[0]).at(1, 3) == expected[35]);
}

TEST_CASE("static shapes are compiled at load, others when they come, each once") {
  affine_model fixed(4);
  CHECK(fixed.compiled_for == std::vector<std::int64_t>{4});
  affine_model lazy(4, {.compile_at_load = false});
  CHECK(lazy.compiled_for.empty());

  affine_model m;
  CHECK(m.compiled_for.empty());
  for (auto const n : {1, 4, 1, 1, 4, 7}) CHECK(right(m.net, n));
  CHECK(m.compiled_for == std::vector<std::int64_t>{1, 4, 7});
  CHECK(m.net.memory().signatures == 3);
  CHECK(m.net.memory().arena_bytes == 7 * row * 4 * 2);
  CHECK(m.net.memory().weight_bytes == 2 * row * 4);
}

TEST_CASE("input shapes that were not used for long are compiled again") {
  affine_model m(-1, {.cached_signatures = 2});
  for (auto const n : {1, 2, 3, 2, 3, 1}) CHECK(right(m.net, n));
  CHECK(m.compiled_for == std::vector<std::int64_t>{1, 2, 3, 1});

  limits small;
  small.cached_signatures_bytes = 3 * 2 * row * 4;
  affine_model b(-1, {.limits = small});
  for (auto const n : {2, 1, 1, 9, 2}) CHECK(right(b.net, n));
  CHECK(b.net.memory().signatures == 1);
  CHECK(b.compiled_for == std::vector<std::int64_t>{2, 1, 9, 2});
}

TEST_CASE("a failed compilation is reported, and does no harm") {
  affine_model m;
  CHECK(right(m.net, 2));
  for (int i = 0; i < 2; ++i) try {
      m.net.run({{"x", filled(13)}});
      FAIL("13 rows ran");
    } catch (error const& why) {
      CHECK(std::string(why.what()) == "13 rows are not supported\n  in the model for input shapes 13x32");
    }
  CHECK(m.compiled_for.size() == 3);
  CHECK(right(m.net, 2));
}

TEST_CASE("threads share a model") {
  affine_model m(-1, {.threads = 2});
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 30; ++i)
        if (!right(m.net, 1 + (t + i / 4) % 3, static_cast<float>(t))) ++wrong;
    });
  for (auto& t : threads) t.join();
  CHECK(wrong == 0);
  CHECK(m.compiled_for.size() == 3);
}

TEST_CASE("threads share a model whose executables push each other out") {
  affine_model m(-1, {.threads = 2, .cached_signatures = 1});
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 300; ++i)
        if (!right(m.net, 1 + (t + i) % 3, static_cast<float>(t))) ++wrong;
    });
  for (auto& t : threads) t.join();
  CHECK(wrong == 0);
}

TEST_CASE("mistakes in the operands of a run are explained") {
  affine_model const m;
  auto const x = filled(2);
  tensor<double> const doubles({2, row});
  tensor<float> const wide({2, 33}), flat({64});
  CHECK(message_of([&] {
          m.net.run({{"data", x}});
        }) == "the model has no input 'data'; its inputs are 'x' (float Nx32)");
  CHECK(message_of([&] { m.net.run({}); }) == "input 'x' (float Nx32) is not given");
  CHECK(message_of([&] { m.net.run({{"x", x}, {"x", x}}); }) == "input 'x' is given twice");
  CHECK(message_of([&] {
          m.net.run({{"x", doubles}});
        }) == "input 'x': expected elements of float, got double; convert them first");
  CHECK(message_of([&] { m.net.run({{"x", wide}}); }).find("input 'x': expected shape Nx32, got 2x33;") == 0);
  CHECK(message_of([&] { m.net.run({{"x", flat}}); }).find("expected shape Nx32, got 64;") != std::string::npos);
  CHECK(message_of([&] {
          m.net.run({{"x", tensor_view{dtype::float32, {2, row}, nullptr}}});
        }) == "input 'x': the tensor of shape 2x32 has no data");
  auto const out = m.net.run({{"x", x}});
  CHECK(message_of([&] { (void)out["z"]; }) == "the model has no output 'z'; its outputs are 'y' (float Nx32)");
  CHECK(message_of([&] { (void)out[1]; }) == "output 1 is asked for, the model has 1");
  CHECK(message_of([&] { (void)out[0].as<double>(); }) == "the tensor holds float, it was read as double");
  CHECK(right(m.net, 2));
}

TEST_CASE("a context runs on bound tensors") {
  affine_model const m;
  auto c = m.net.context({{"x", {2, row}}});
  auto x = filled(2);
  tensor<float> y({2, row});
  CHECK(message_of([&] { c.run(); }) == "input 'x' (float Nx32) is not set");
  c.set_input("x", x);
  c.run();
  CHECK(std::ranges::equal(c.output("y").as<float>(), affine(counting(2 * row))));
  c.set_output("y", y);
  x[0] = 5;
  c.run();
  CHECK(y[0] == (5 * 1 - 3) * 1);
  CHECK(c.output(0).data == y.data());

  auto other = std::move(c);
  other.run();
  CHECK(message_of([&] { other.set_input(0, filled(3)); }).find("this context is for shape 2x32, got 3x32") !=
        std::string::npos);
  CHECK(message_of([&] { other.set_input(1, x); }) == "input 1 is set, the model has 1");
  tensor<float> narrow({2, 31});
  CHECK(message_of([&] { other.set_output("y", narrow); }) ==
        "output 'y': expected memory for float 2x32, got float 2x31");
  CHECK(message_of([&] { m.net.context(); }) == "the shape of input 'x' (float Nx32) is open: give it");
  CHECK(message_of([&] { m.net.context({{"x", {2, 31}}}); }) == "input 'x': expected shape Nx32, got 2x31");
}

TEST_CASE("a handle's memory goes back to the model, which may be gone first") {
  std::optional<affine_model> m(std::in_place, 2);
  auto const x = filled(2);
  auto const first = [&] {
    auto const out = m->net.run({{"x", x}});
    return out[0].data;
  }();
  auto const out = m->net.run({{"x", x}});
  CHECK(out[0].data == first);
  model const copy = m->net;
  m.reset();
  CHECK(std::ranges::equal(out[0].as<float>(), affine(counting(2 * row))));
}

TEST_CASE("inputs that have a default may be left out, and come last") {
  graph g;
  auto const d = g.add_constant("d", any_tensor::of<float>({2}, {1, 2}));
  auto const x = g.add_value("x", {dtype::float32, std::nullopt});
  g.inputs = {{d, {{{2, {}}}}}, {x, {{{2, {}}}}}};
  g.outputs = {{d, {}}, {x, {}}};
  std::vector<bool> constant;
  auto const net = model_state::make(
      std::move(g), {}, [&](rewritten_graph const& prepared, signature const& s, compile_environment const& e) {
        program p;
        auto const of = specialize(prepared.g, s);
        constant.push_back(of.at(of.inputs[1].value).is_constant());
        for (std::uint32_t i = 0; i < 2; ++i)
          p.inputs.push_back({.type = of.at(of.inputs[i].value).type, .where = {space::input, i, 0}, .constant = {}});
        p.outputs = {p.inputs[1], p.inputs[0]};
        return executable(std::move(p), interpreted(), e.store->weights, e.pool);
      });
  REQUIRE(net.inputs().size() == 1);
  CHECK(net.inputs()[0].name == "x");
  CHECK(net.optional_inputs()[0].name == "d");
  tensor<float> const a({2}, {5, 6}), b({2}, {7, 8});
  {
    auto const out = net.run({{"x", a}});
    CHECK(out["d"].as<float>()[1] == 2);
    CHECK(out["x"].as<float>()[1] == 6);
  }
  auto const out = net.run({{"x", a}, {"d", b}});
  CHECK(out["d"].as<float>()[1] == 8);
  CHECK(constant == std::vector<bool>{true, false});
}

TEST_CASE("a model that is compiled for the only shapes it takes keeps no unpacked weights") {
  for (std::int64_t const n : {2, -1}) {
    auto bytes = std::make_shared<float>(1.0f);
    std::weak_ptr<float> const alive = bytes;
    graph g;
    auto const x = g.add_value("x", {dtype::float32, std::nullopt});
    g.add_constant("w", any_tensor(dtype::float32, {1}, std::move(bytes)));
    g.inputs = g.outputs = {{x, {{{n, {}}, {row, {}}}}}};
    auto const net = model_state::make(
        std::move(g), {}, [](rewritten_graph const& prepared, signature const& s, compile_environment const& e) {
          auto p = affine_program((*s.shapes[0])[0]);
          p.weights[0].fill = [fill = p.weights[0].fill, kept = prepared.g.at(value_id{1}).constant](std::byte* to) {
            fill(to);
          };
          return executable(std::move(p), interpreted(), e.store->weights, e.pool);
        });
    CHECK(right(net, 2));
    CHECK(alive.expired() == (n == 2));
  }
}

TEST_CASE("strings go in and come out") {
  graph g;
  auto const s = g.add_value("s", {dtype::string, std::nullopt});
  g.inputs = g.outputs = {{s, {{{2, {}}}}}};
  auto const net =
      model_state::make(std::move(g), {}, [](rewritten_graph const&, signature const&, compile_environment const& e) {
        program p;
        p.inputs = {{.type = {dtype::string, shape{2}}, .where = {space::input, 0, 0}, .constant = {}}};
        p.outputs = p.inputs;
        return executable(std::move(p), interpreted(), e.store->weights, e.pool);
      });
  tensor<std::string> const words({2}, {"grain", "a word that does not fit into a short string"});
  auto const out = net.run({{"s", words}});
  CHECK(out["s"].as<std::string>()[1] == words[1]);
  auto c = net.context();
  tensor<std::string> copy({2});
  c.set_input(0, words);
  c.set_output(0, copy);
  c.run();
  CHECK(copy[1] == words[1]);
}

TEST_CASE("options are checked and followed") {
  CHECK(message_of([] { affine_model(2, {.threads = -1}); }) ==
        "options.threads is -1, expected 0 (all available) or more");
  CHECK(affine_model(2, {.threads = 3}).net.threads() == 3);
  CHECK(affine_model(2, {.threads = 1}).net.threads() == 1);
  CHECK(affine_model(2, {.target = "none"}).net.compiled_for() == target("none"));
  CHECK(affine_model(2).net.compiled_for() == runnable_here("native"));
  limits tight;
  tight.arena_bytes = 100;
  CHECK_THROWS_AS(affine_model(2, {.limits = tight}), error);
}

TEST_CASE("typed tensors are values") {
  tensor<float> a({2, 3}, {1, 2, 3, 4, 5, 6});
  auto b = a;
  b.at(1, 2) = 9;
  CHECK(a.at(1, 2) == 6);
  a = std::move(b);
  CHECK(a[5] == 9);
  CHECK(tensor<bool>({4}).size() == 4);
  CHECK(message_of([&] { a.at(2, 0); }) == "index (2, 0) is outside of a tensor of shape 2x3");
  CHECK(message_of([&] { a.at(1); }) == "index (1) is outside of a tensor of shape 2x3");
  CHECK(message_of([] { tensor<float>({3}, {1, 2}); }) == "a tensor of shape 3 has 3 elements, 2 were given");
}

TEST_CASE("the digit classifier loads and runs, from a file and from memory") {
  auto const file = std::filesystem::path(SINTER_SOURCE_DIR) / "examples/hello/digits.onnx";
  auto const net = load(file);
  std::ifstream stream(file, std::ios::binary);
  std::string const bytes{std::istreambuf_iterator<char>(stream), {}};
  auto const again = load_bytes(std::as_bytes(std::span(bytes)), {.target = "none"});
  REQUIRE(net.inputs().size() == 1);
  shape extents;
  for (auto const& d : *net.inputs()[0].shape.dimensions) extents.push_back(d.known() ? d.extent : 2);
  tensor<float> x(extents);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 17) / 16;
  auto const a = net.run({{net.inputs()[0].name, x}}), b = again.run({{net.inputs()[0].name, x}});
  for (std::size_t i = 0; i < a[0].elements(); ++i)
    CHECK(a[0].as<float>()[i] == Approx(b[0].as<float>()[i]).epsilon(1e-3).margin(1e-4));
}

TEST_CASE("try_load tells what is wrong with a file") {
  auto const missing = try_load("no/such/model.onnx");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == error_code::io);
  CHECK_THROWS_AS(missing.value(), error);

  auto const path = std::filesystem::temp_directory_path() / ("sinter_not_a_model_" + std::to_string(getpid()));
  std::ofstream(path) << "not a model";
  auto const wrong = try_load(path);
  std::filesystem::remove(path);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code() == error_code::malformed_model);
  CHECK(wrong.error().context().back() == "file '" + path.string() + "'");
}
