// Generated classes whose state grows, made of one model: a layer of a decoder that reads five rows a run, and one that
// reads one. x, k, v, h, mask to y, k_next, v_next, h_next; h keeps its shape, the mask is as long as k_next.
#include <sinter/onnx/import.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/sinter.hpp>

#include "catch.hpp"
#include <algorithm>
#include <cache.hpp>
#include <cache_prompt.hpp>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

using namespace sinter;

namespace {

std::string const file = SINTER_SOURCE_DIR "/tests/codegen/cache.onnx";

std::vector<float> noise(std::size_t count, std::uint32_t seed) {
  std::vector<float> values(count);
  for (auto& v : values) {
    seed = seed * 1664525u + 1013904223u;
    v = static_cast<float>(seed >> 8) * 0x1p-23f - 1.0f;
  }
  return values;
}

template <typename A, typename B>
bool are_near(A const& a, B const& b) {
  return std::ranges::equal(a, b, [](float x, float y) { return std::abs(x - y) <= 1e-5f * (1 + std::abs(y)); });
}

/// Ones, but for each fifth row.
template <typename Net>
std::vector<std::int64_t> mask_of(std::size_t rows) {
  std::vector<std::int64_t> mask(Net::mask::size(rows));
  for (std::size_t i = 0; i < rows; ++i) mask[i] = i % 5 != 2;
  return mask;
}

/// Runs an object and, by plain loops with what these gave before, the model.
template <typename Net>
class beside_evaluate {
 public:
  explicit beside_evaluate(Net& net) : net_(net), graph_(onnx::import_file(file)) {
    for (auto const& s : {shape{1, rows, 8}, shape{1, 2, 0, 4}, shape{1, 2, 0, 4}, shape{1, 8}})
      given_.emplace_back(dtype::float32, s);
    given_.emplace_back();
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      INFO("step " << i);
      auto const x = noise(Net::x::size, ++seed_);
      std::ranges::copy(x, static_cast<float*>(given_[0].data()));
      auto const mask = mask_of<Net>(net_.length() + Net::rows_per_run);
      given_[4] = any_tensor::of<std::int64_t>({1, static_cast<std::int64_t>(mask.size())}, std::span(mask));
      auto const expected = evaluate(graph_, given_);
      auto const out = net_.run({.x = typename Net::x::view(x), .mask = mask});
      REQUIRE(out.error.empty());
      REQUIRE(are_near(out.y, expected[0].template as<float>()));
      std::copy(expected.begin() + 1, expected.end(), given_.begin() + 1);
    }
    auto const state = net_.save_state();
    CHECK(state.length == static_cast<std::size_t>(given_[1].shape()[2]));
    CHECK(are_near(state.k, given_[1].template as<float>()));
    CHECK(are_near(state.v, given_[2].template as<float>()));
    CHECK(are_near(state.h, given_[3].template as<float>()));
  }
  /// Goes on with another object from where this is.
  template <typename Other>
  beside_evaluate<Other> handed_to(Other& other) const {
    auto const from = net_.save_state();
    other.restore_state({.length = from.length, .k = from.k, .v = from.v, .h = from.h});
    beside_evaluate<Other> next(other);
    std::copy(given_.begin() + 1, given_.end(), next.given_.begin() + 1);
    return next;
  }

 private:
  template <typename Other>
  friend class beside_evaluate;

  static constexpr auto rows = static_cast<std::int64_t>(Net::x::shape[1]);
  Net& net_;
  graph graph_;
  std::vector<any_tensor> given_{};
  std::uint32_t seed_ = 0;
};

}  // namespace

TEST_CASE("a generated class with state that grows agrees with plain loops at each step") {
  static_assert(cache::max_length == 100 && cache::k::size(3) == 24 && cache::k_next::shape(7)[2] == 7);
  for (auto const set : {cache::instruction_set::portable, cache::instruction_set::avx2}) {
    if (!cache::supports(set)) continue;
    cache net(set);
    beside_evaluate(net).run(101);  // three capacities, up to the bound and a row more
    CHECK(net.length() == 101);
    auto const x = noise(cache::x::size, 1);
    auto const mask = mask_of<cache>(102);
    CHECK(net.run({.x = cache::x::view(x), .mask = mask}).error.find("reset it") != std::string_view::npos);
    CHECK(net.length() == 101);
    net.reset_state();
    CHECK((net.length() == 0 && net.save_state().k.empty()));
    beside_evaluate(net).run(3);
  }
}

TEST_CASE("a generated class with state that grows gives the bits of a context") {
  if (!cache::supports(cache::instruction_set::avx2)) return;
  auto const model = load(file, {.target = "avx2",
                                 .threads = 1,
                                 .state = {{"k", "k_next"}, {"v", "v_next"}, {"h", "h_next"}},
                                 .bounds = {{"past", 100}, {"seen", 101}}});
  auto c = model.context({{"x", {1, 1, 8}}});
  cache net(cache::instruction_set::avx2);
  for (std::uint32_t i = 0; i < 100; ++i) {
    auto const x = noise(8, i);
    auto const mask = mask_of<cache>(i + 1);
    c.set_input("x", {dtype::float32, {1, 1, 8}, x.data()});
    c.set_input("mask", {dtype::int64, {1, i + 1}, mask.data()});
    c.run();
    REQUIRE(std::ranges::equal(net.run({.x = cache::x::view(x), .mask = mask}).y, c.output("y").as<float>()));
  }
}

TEST_CASE("a prompt in one class, the tokens behind it in another") {
  cache_prompt reader;
  cache writer;
  beside_evaluate prompt(reader);
  prompt.run(13);
  CHECK(reader.length() == 65);
  auto tokens = prompt.handed_to(writer);
  tokens.run(20);
  auto const paused = writer.save_state();
  tokens.run(10);
  writer.restore_state(paused);
  CHECK((writer.length() == 85 && writer.save_state().v == paused.v));
}

TEST_CASE("an input of a generated class that grows with the state has its size") {
  cache net;
  auto const x = noise(cache::x::size, 1);
  auto const mask = mask_of<cache>(2);
  CHECK(net.run({.x = cache::x::view(x), .mask = mask})
            .error.find("input mask: its size is that of length() and 1 more") != std::string_view::npos);
  CHECK(net.length() == 0);
}

TEST_CASE("state that does not fit a generated class is refused") {
  cache net;
  auto state = net.save_state();
  state.length = 1;
  CHECK_THROWS_WITH(net.restore_state(state), says("a state of 1 rows; there is place for 101"));
  state.length = 102, state.k.resize(816), state.v.resize(816);
  CHECK_THROWS_WITH(net.restore_state(state), says("a state of 102 rows"));
  CHECK(net.length() == 0);
}
