#include <sinter/ops/entry.hpp>
#include <sinter/ops/fused_convolution.hpp>
#include <sinter/schedules/row_strips.hpp>

#include "harness.hpp"
#include <string>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto strip_convolution_entry = entry_of<fused_convolution>();

/// An inverted residual on square kernels.
struct residual_geometry {
  std::int64_t items, in, wide, out, rows, columns, kernel, stride, pad_begin, pad_end;
};

test_case strip_convolution(shape x, shape w, std::int64_t stride, std::int64_t pad_begin, std::int64_t pad_end,
                            std::int64_t group, std::string const& epilogue, std::vector<test_operand> extras = {}) {
  using list = std::vector<std::int64_t>;
  attribute_map attributes{{"kernel_shape", list{w[2], w[3]}},
                           {"strides", list{stride, stride}},
                           {"dilations", list{1, 1}},
                           {"pads", list{pad_begin, pad_begin, pad_end, pad_end}},
                           {"group", group}};
  if (!epilogue.empty()) attributes["epilogue"] = epilogue;
  std::vector<test_operand> inputs{{.value = random_tensor(x, 1), .how = layout::blocked},
                                   {.value = random_tensor(w, 2), .constant = true},
                                   {.value = random_tensor({w[0]}, 3), .constant = true}};
  inputs.insert(inputs.end(), extras.begin(), extras.end());
  return make_case(strip_convolution_entry, std::move(attributes), std::move(inputs));
}

constexpr auto clip = "t0 = max x0 0; min t0 6", swish = "t0 = sigmoid x0; mul x0 t0";

std::vector<test_case> inverted_residual(residual_geometry const& g, bool residual,
                                         std::string const& activation = clip) {
  auto const after = [&](std::int64_t n) { return (n + g.pad_begin + g.pad_end - g.kernel) / g.stride + 1; };
  shape const wide{g.items, g.wide, g.rows, g.columns}, deep{g.items, g.wide, after(g.rows), after(g.columns)};
  std::vector<test_case> cases{
      strip_convolution({g.items, g.in, g.rows, g.columns}, {g.wide, g.in, 1, 1}, 1, 0, 0, 1, activation),
      strip_convolution(wide, {g.wide, 1, g.kernel, g.kernel}, g.stride, g.pad_begin, g.pad_end, g.wide, activation)};
  if (residual)
    cases.push_back(
        strip_convolution(deep, {g.out, g.wide, 1, 1}, 1, 0, 0, 1, "add x0 x1",
                          {{.value = random_tensor({g.items, g.out, deep[2], deep[3]}, 7), .how = layout::blocked}}));
  else
    cases.push_back(strip_convolution(deep, {g.out, g.wide, 1, 1}, 1, 0, 0, 1, ""));
  return cases;
}

}  // namespace

TEST_CASE("expand, depthwise and project in strips of rows agree with evaluate", "[schedules]") {
  auto const g = GENERATE(
      residual_geometry{1, 8, 32, 16, 56, 9, 3, 1, 1, 1}, residual_geometry{2, 16, 24, 12, 57, 16, 3, 2, 1, 1},
      residual_geometry{1, 20, 16, 40, 60, 15, 3, 2, 0, 1}, residual_geometry{1, 16, 48, 16, 58, 7, 5, 1, 2, 2},
      residual_geometry{1, 16, 16, 24, 61, 40, 5, 2, 2, 2}, residual_geometry{1, 16, 16, 16, 56, 5, 3, 1, 0, 0});
  INFO(g.rows << "x" << g.columns << ", kernel " << g.kernel << ", stride " << g.stride);
  check_group(inverted_residual(g, false), row_strips_schedule, 1e-5);
  auto cases = inverted_residual(g, true);
  for (auto& c : cases) c.slack_blocks = 1;
  check_group(cases, row_strips_schedule, 1e-5);
  cases.erase(cases.begin());  // no expansion
  check_group(cases, row_strips_schedule, 1e-5);
}

TEST_CASE("expand and depthwise alone in strips of rows agree with evaluate", "[schedules]") {
  auto const g = GENERATE(
      residual_geometry{1, 8, 112, 0, 112, 81, 3, 1, 1, 1}, residual_geometry{2, 16, 104, 0, 113, 88, 3, 2, 1, 1},
      residual_geometry{1, 20, 120, 0, 90, 97, 5, 1, 2, 2}, residual_geometry{1, 16, 96, 0, 117, 75, 5, 2, 2, 2});
  INFO(g.rows << "x" << g.columns << ", kernel " << g.kernel << ", stride " << g.stride);
  auto cases = inverted_residual(g, false, swish);
  cases.pop_back();
  check_group(cases, row_strips_schedule, 1e-5);
}

TEST_CASE("strips behind a convolution of an image agree with evaluate", "[schedules]") {
  auto const [x, kernel, stride, pad] =
      GENERATE(std::tuple{shape{1, 3, 113, 34}, 3, 2, 1}, std::tuple{shape{2, 1, 115, 9}, 3, 2, 0},
               std::tuple{shape{1, 4, 57, 30}, 3, 1, 1}, std::tuple{shape{1, 3, 57, 12}, 2, 1, 0});
  INFO(to_string(x) << ", kernel " << kernel << ", stride " << stride);
  auto const after = [k = kernel, s = stride, p = pad](std::int64_t n) { return (n + 2 * p - k) / s + 1; };
  auto cases = inverted_residual({x[0], 8, 40, 16, after(x[2]), after(x[3]), 3, 1, 1, 1}, true);
  cases[0] = strip_convolution(x, {40, x[1], kernel, kernel}, stride, pad, pad, 1, clip);
  cases[0].inputs[0].how = layout::row_major;
  check_group(cases, image_strips_schedule, 1e-5);
}

TEST_CASE("strips need convolutions that fit", "[schedules]") {
  residual_geometry const fits{1, 8, 32, 16, 56, 9, 3, 1, 1, 1};
  auto const offered = [](residual_geometry const& g) {
    return offers(row_strips_schedule, describe_group(inverted_residual(g, false)), targets[0]);
  };
  CHECK(offered(fits));
  auto few_rows = fits, large = fits;
  few_rows.rows = 28;
  large.kernel = 7, large.pad_begin = large.pad_end = 3;
  CHECK_FALSE(offered(few_rows));
  CHECK_FALSE(offered(large));
}

TEST_CASE("without a project, strips need a tensor that the second-level cache does not hold", "[schedules]") {
  auto cases = inverted_residual({1, 8, 96, 16, 112, 112, 3, 1, 1, 1}, false);
  cases.pop_back();
  auto const offered = [&](char const* machine) {
    return offers(row_strips_schedule, describe_group(cases), target(machine));
  };
  CHECK(offered("x86-64:avx512f/l2=2M"));
  CHECK_FALSE(offered("x86-64:avx512f/l2=4M"));
}
