#include <sinter/core/float16.hpp>
#include <sinter/core/widened_halves.hpp>
#include <sinter/ops/entry.hpp>
#include <sinter/ops/fused_convolution.hpp>
#include <sinter/ops/fused_gemm.hpp>
#include <sinter/schedules/convolution.hpp>
#include <sinter/schedules/gemm.hpp>
#include <sinter/schedules/half_winograd.hpp>

#include "harness.hpp"
#include "temporary_folder.hpp"
#include <bit>
#include <cmath>
#include <string>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto half_convolution_entry = entry_of<fused_convolution>();
constexpr auto half_gemm_entry = entry_of<fused_gemm>();

/// As what each candidate of rounded weights stores them, in the order of the candidates.
constexpr precision storages[]{precision::float16, precision::bfloat16};

any_tensor in_half(any_tensor const& t, precision p) {
  any_tensor r(dtype::float32, t.shape());
  auto* to = static_cast<float*>(r.data());
  for (auto const v : t.as<float>())
    *to++ = p == precision::float16 ? half_to_float(float_to_half(v)) : bfloat16_to_float(float_to_bfloat16(v));
  return r;
}

bool reads_halves(fragment const& code) {
  return std::ranges::any_of(code.weights, [](packing const& w) { return w.key.find("16:") != std::string::npos; });
}

/// Candidates of halves have the bits of float32 on rounded weights, everywhere; weights that need no rounding are
/// offered as exact.
void check_halves(test_case const& c, schedule const& halves, schedule const& floats) {
  for (std::size_t i = 0; i < std::size(storages); ++i) {
    auto rounded = c;
    rounded.inputs[1].value = in_half(c.inputs[1].value, storages[i]);
    for (auto const& t : targets) {
      INFO("storage " << i << ", " << to_string(t));
      auto const offered = halves.offer(describe_case(c), t);
      REQUIRE(offered.size() == std::size(storages));
      CHECK(offered[i].precision == storages[i]);
      CHECK(reads_halves(offered[i].build(describe_case(c))));
      auto const whole = floats.offer(describe_case(rounded), t).at(0);
      CHECK(offered[i].cost < whole.cost);
      auto const expected = run_case(rounded, whole, t)[0];
      auto const exact = halves.offer(describe_case(rounded), t);
      REQUIRE(exact.size() == 1);
      CHECK(exact[0].precision == precision::exact);
      for (auto const& runner : {kernel_runner(interpreted), kernel_runner(emitted)}) {
        CHECK(same_bits(run_case(c, offered[i], t, runner)[0], expected));
        CHECK(same_bits(run_case(rounded, exact[0], t, runner)[0], expected));
      }
    }
  }
}

test_case half_convolution_of(test_operand x, shape w, std::int64_t stride, std::int64_t pad, std::int64_t group = 1,
                              std::string const& epilogue = {}) {
  using list = std::vector<std::int64_t>;
  attribute_map a{{"kernel_shape", list(w.begin() + 2, w.end())},
                  {"strides", list(w.rank() - 2, stride)},
                  {"dilations", list(w.rank() - 2, 1)},
                  {"pads", list(2 * (w.rank() - 2), pad)},
                  {"group", group}};
  if (!epilogue.empty()) a["epilogue"] = epilogue;
  auto c = make_case(half_convolution_entry, a,
                     {std::move(x),
                      {.value = random_tensor(w, 2), .constant = true},
                      {.value = random_tensor({w[0]}, 3), .constant = true}});
  c.slack_blocks = 1;
  return c;
}

test_case half_product(std::int64_t rows, std::int64_t depth, std::int64_t columns) {
  return make_case(half_gemm_entry, {},
                   {{.value = random_tensor({rows, depth}, 1)},
                    {.value = random_tensor({depth, columns}, 2), .constant = true},
                    {.value = random_tensor({columns}, 3), .constant = true}});
}

}  // namespace

TEST_CASE("products of weights in 16 bits are those of float32 on them", "[schedules]") {
  for (std::int64_t const rows : {1, 2, 7, 13})
    check_halves(half_product(rows, 67, 100), half_gemm_schedule, gemm_schedule);
  auto transposed =
      make_case(half_gemm_entry, {{"trans_b", std::int64_t{1}}},
                {{.value = random_tensor({5, 90}, 1)}, {.value = random_tensor({60, 90}, 2), .constant = true}});
  check_halves(transposed, half_gemm_schedule, gemm_schedule);
  transposed.inputs[1].constant = false;
  CHECK_FALSE(offers(half_gemm_schedule, transposed, targets[0]));
}

TEST_CASE("direct convolutions of weights in 16 bits are those of float32 on them", "[schedules]") {
  for (auto const& c : {
           half_convolution_of(blocked({2, 40, 7, 9}), {130, 40, 1, 1}, 1, 0),
           half_convolution_of(blocked({1, 40, 9, 9}), {20, 40, 3, 3}, 2, 1),  // the last block is half a one
           half_convolution_of(blocked({1, 26, 30}), {48, 26, 5}, 1, 2),
           half_convolution_of(blocked({1, 64, 6, 6}), {64, 16, 3, 3}, 1, 1, 4, "max x0 0"),
           half_convolution_of({random_tensor({1, 3, 20, 20}, 1)}, {64, 3, 7, 7}, 2, 3),  // a row-major image
           half_convolution_of(blocked({1, 80, 1, 1}), {70, 80, 1, 1}, 1, 0),             // one pixel
       })
    check_halves(c, half_convolution_schedule, convolution_schedule);
}

TEST_CASE("Winograd convolutions of weights in 16 bits are as exact as rounding U allows", "[schedules]") {
  auto const c = half_convolution_of(blocked({1, 32, 18, 22}), {24, 32, 3, 3}, 1, 1, 1, "max x0 0");
  auto const expected = expected_outputs(c)[0];
  constexpr double allowed[]{5e-4, 4e-3, 2e-3, 2e-2};  // F(2,3) and F(4,3), in float16 and bfloat16 each
  for (std::size_t i = 0; i < std::size(allowed); ++i) {
    INFO("candidate " << i);
    std::vector<any_tensor> results;
    for (auto const& t : targets)
      for (auto const& runner : {kernel_runner(interpreted), kernel_runner(emitted)}) {
        auto const offered = half_winograd_schedule.offer(describe_case(c), t);
        REQUIRE(offered.size() == std::size(allowed));
        CHECK(offered[i].precision == storages[i % 2]);
        results.push_back(run_case(c, offered[i], t, runner)[0]);
      }
    for (auto const& r : results) CHECK(same_bits(r, results[0]));
    CHECK(difference(results[0], expected) < allowed[i]);
    CHECK(difference(results[0], expected) > 1e-5);
  }
}

TEST_CASE("weights that halves cannot hold are an error of float16, and few weights stay float32", "[schedules]") {
  auto c = half_product(2, 64, 70);
  c.inputs[1].value.mutable_view().as<float>()[5] = 70000;
  auto const offered = half_gemm_schedule.offer(describe_case(c), targets[0]);
  REQUIRE(offered.size() == 2);
  CHECK_THROWS_WITH(run_case(c, offered[0], targets[0]), says("a weight is 70000, and float16 ends at 65504"));
  CHECK_NOTHROW(run_case(c, offered[1], targets[0]));
  c.inputs[1].value.mutable_view().as<float>()[5] = INFINITY;
  CHECK_NOTHROW(run_case(c, offered[0], targets[0]));
  CHECK_FALSE(offers(half_gemm_schedule, half_product(2, 64, 64), targets[0]));
}

TEST_CASE("numbers of 16 bits are told from others", "[schedules]") {
  using enum tile_factors;
  for (float const v : {0.0f, -0.0f, 1.0f, 65504.0f, -0x1p-14f, 0x1p-24f, 0x3p-24f, INFINITY, 0x1.ffcp-1f})
    CHECK(detail::is_half(v, float16_weights));
  for (float const v : {65536.0f, 0x1p-25f, 0x1.002p-14f + 0x1p-26f, 0x1.ffep-1f, 0x1p-30f, 65505.0f})
    CHECK_FALSE(detail::is_half(v, float16_weights));
  CHECK(detail::is_half(0x1p100f, bfloat16_weights));
  CHECK(detail::is_half(0x1.fep-1f, bfloat16_weights));
  CHECK_FALSE(detail::is_half(0x1.ffp-1f, bfloat16_weights));
}

TEST_CASE("weights that were widened from 16 bits are stored so without being read", "[schedules]") {
  using enum tile_factors;
  temporary_folder const folder;
  std::string const none(2 * 5000, '\0');
  auto const file = folder.write("weights", none);
  auto const bytes = std::make_shared<located_bytes const>(input_file::open(file, none.size()), 0, none.size());
  std::filesystem::resize_file(file, 0);
  for (auto const as : {float16_weights, bfloat16_weights}) {
    auto const type = as == float16_weights ? dtype::float16 : dtype::bfloat16;
    auto const weights = widened({type, {5000}, bytes});
    CHECK_THROWS_WITH(weights.data(), says("ends at byte 0"));
    CHECK(detail::exact_storage(weights) == as);
  }
}

TEST_CASE("weights are stored in 16 bits as each alone is rounded", "[schedules]") {
  for (auto const as : {tile_factors::float16_weights, tile_factors::bfloat16_weights}) {
    std::vector<float> weights;
    for (std::uint32_t bits = 0; weights.size() < 1 << 20; bits += 0x1fff) {  // of both signs, all magnitudes, NaN
      auto const weight = std::bit_cast<float>(bits);
      weights.push_back(std::isfinite(weight) && std::fabs(weight) > 65504 ? 65504 : weight);
    }
    std::vector<std::uint16_t> halves(weights.size());
    detail::store_halves(weights, as, reinterpret_cast<std::byte*>(halves.data()));
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) wrong += halves[i] != detail::stored_half(weights[i], as);
    CHECK(wrong == 0);
    std::erase_if(weights, [](float weight) { return !std::isfinite(weight); });
    weights.resize(weights.size() / 8 * 8);
    detail::store_halves(weights, as, reinterpret_cast<std::byte*>(halves.data()));
    for (std::size_t i = 0; i < weights.size(); ++i) wrong += halves[i] != detail::stored_half(weights[i], as);
    CHECK(wrong == 0);
  }
}
