#include <sinter/schedules/transposed_convolution.hpp>

#include "schedules/harness.hpp"
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

using integer_list = std::vector<std::int64_t>;
constexpr auto transposed_entry = entry_of<conv_transpose>();

test_operand constant_weights(shape s) { return {random_tensor(s, 2, -1, 1), true}; }

test_case transposed_case(shape const& x, shape const& w, attribute_map a, bool bias = true) {
  auto const group = a.contains("group") ? std::get<std::int64_t>(a["group"]) : 1;
  std::vector<test_operand> operands{blocked(x), constant_weights(w)};
  if (bias) operands.push_back(constant_weights({w[1] * group}));
  return make_case(transposed_entry, std::move(a), std::move(operands));
}

void check_transposed(shape const& x, shape const& w, attribute_map a, bool bias = true) {
  check_case(transposed_case(x, w, std::move(a), bias), transposed_convolution_schedule);
}

}  // namespace

TEST_CASE("transposed convolutions of one and two axes") {
  check_transposed({1, 32, 5, 7}, {32, 16, 2, 2}, {{"strides", integer_list{2, 2}}});
  check_transposed({2, 20, 6, 5}, {20, 40, 4, 4},
                   {{"strides", integer_list{2, 2}}, {"pads", integer_list{1, 1, 1, 1}}});
  check_transposed(
      {1, 16, 7, 30}, {16, 33, 3, 3},
      {{"strides", integer_list{2, 3}}, {"pads", integer_list{1, 0, 1, 2}}, {"output_padding", integer_list{1, 0}}},
      false);
  check_transposed({1, 24, 40}, {24, 20, 16}, {{"strides", integer_list{8}}, {"pads", integer_list{4, 4}}});
  check_transposed({1, 16, 9, 9}, {16, 16, 3, 3}, {{"pads", integer_list{1, 1, 1, 1}}});
  check_transposed({1, 16, 9, 9}, {16, 16, 1, 1}, {});
}

TEST_CASE("transposed convolutions with dilations, gaps and groups") {
  check_transposed({1, 16, 8, 8}, {16, 16, 3, 3}, {{"strides", integer_list{2, 2}}, {"dilations", integer_list{2, 3}}});
  check_transposed({1, 16, 8, 9}, {16, 16, 3, 2}, {{"strides", integer_list{3, 4}}, {"dilations", integer_list{2, 2}}});
  check_transposed({1, 16, 5, 5}, {16, 16, 1, 1},
                   {{"strides", integer_list{3, 2}}, {"output_padding", integer_list{1, 1}}});
  check_transposed({1, 32, 6, 6}, {32, 1, 4, 4},
                   {{"strides", integer_list{2, 2}}, {"pads", integer_list{1, 1, 1, 1}}, {"group", 32L}});
  check_transposed({1, 48, 5, 6}, {48, 12, 3, 3}, {{"strides", integer_list{2, 2}}, {"group", 4L}});
  check_transposed({1, 16, 3, 4}, {16, 16, 3, 3},
                   {{"strides", integer_list{2, 2}}, {"pads", integer_list{5, 0, 0, 7}}});
  check_transposed({1, 16, 4, 5}, {16, 8, 3, 3},
                   {{"strides", integer_list{2, 2}}, {"output_shape", integer_list{10, 11}}});
  check_transposed({1, 16, 4, 5}, {16, 8, 3, 3},
                   {{"strides", integer_list{2, 2}}, {"auto_pad", std::string("SAME_LOWER")}});
}

TEST_CASE("a transposed convolution of few row-major channels, and of slices") {
  auto few = transposed_case({2, 3, 9, 11}, {3, 16, 4, 4},
                             {{"strides", integer_list{2, 2}}, {"pads", integer_list{1, 1, 1, 1}}});
  few.inputs[0].how = layout::row_major;
  check_case(few, transposed_convolution_schedule);
  auto slack = transposed_case({2, 32, 4, 4}, {32, 16, 2, 2}, {{"strides", integer_list{2, 2}}});
  slack.slack_blocks = 1;
  check_case(slack, transposed_convolution_schedule);
}

TEST_CASE("transposed convolutions that are left to others") {
  auto dynamic = transposed_case({1, 16, 4, 4}, {16, 16, 2, 2}, {{"strides", integer_list{2, 2}}});
  dynamic.inputs[1].constant = false;
  CHECK_FALSE(offers(transposed_convolution_schedule, dynamic, targets[0]));
  auto const many = transposed_case({1, 16, 20, 20}, {16, 16, 2, 2}, {{"strides", integer_list{17, 17}}});
  CHECK_FALSE(offers(transposed_convolution_schedule, many, targets[0]));
}
