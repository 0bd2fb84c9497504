#include <sinter/ops/entry.hpp>
#include <sinter/ops/fused_convolution.hpp>
#include <sinter/ops/fused_gemm.hpp>
#include <sinter/program/work.hpp>
#include <sinter/schedules/convolution.hpp>
#include <sinter/schedules/convolution_bands.hpp>
#include <sinter/schedules/depthwise.hpp>
#include <sinter/schedules/gemm.hpp>
#include <sinter/schedules/winograd.hpp>
#include <sinter/schedules/winograd_points.hpp>

#include "harness.hpp"
#include <algorithm>
#include <string>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto convolution_entry = entry_of<fused_convolution>();
constexpr auto gemm_entry = entry_of<fused_gemm>();

/// Geometry of one convolution; squares unless said.
struct geometry {
  shape x, w;
  std::int64_t stride = 1, pad = 0, dilation = 1, group = 1;
  layout how = layout::blocked;
};

attribute_map attributes_of(geometry const& g, std::string const& epilogue = {}) {
  auto const rank = g.x.rank() - 2;
  using list = std::vector<std::int64_t>;
  attribute_map a{{"kernel_shape", list(g.w.begin() + 2, g.w.end())},
                  {"strides", list(rank, g.stride)},
                  {"dilations", list(rank, g.dilation)},
                  {"pads", list(2 * rank, g.pad)},
                  {"group", g.group}};
  if (!epilogue.empty()) a["epilogue"] = epilogue;
  return a;
}

test_case convolution_case(geometry const& g, bool bias = true) {
  return make_case(convolution_entry, attributes_of(g),
                   {{.value = random_tensor(g.x, 1), .how = g.how},
                    {.value = random_tensor(g.w, 2), .constant = true},
                    {.value = bias ? random_tensor({g.w[0]}, 3) : any_tensor{}, .constant = true}});
}

/// A convolution whose epilogue has an input of shape `extra`.
test_case with_extra(geometry const& g, std::string const& epilogue, shape extra, bool constant) {
  auto c = convolution_case(g);
  c.inputs.push_back(
      {.value = random_tensor(extra, 4), .constant = constant, .how = constant ? layout::row_major : layout::blocked});
  return make_case(convolution_entry, attributes_of(g, epilogue), c.inputs);
}

}  // namespace

TEST_CASE("direct convolution agrees with evaluate", "[schedules]") {
  auto const g = GENERATE(
      geometry{.x = {1, 16, 9, 9}, .w = {16, 16, 3, 3}, .pad = 1},
      geometry{.x = {2, 32, 7, 7}, .w = {48, 32, 3, 3}, .pad = 1}, geometry{.x = {1, 24, 14, 14}, .w = {40, 24, 1, 1}},
      geometry{.x = {1, 64, 14, 17}, .w = {33, 64, 1, 1}, .stride = 2},
      geometry{.x = {1, 16, 31, 30}, .w = {32, 16, 5, 5}, .stride = 2, .pad = 2},
      geometry{.x = {1, 16, 12, 12}, .w = {32, 16, 3, 3}, .pad = 2, .dilation = 2},
      geometry{.x = {1, 16, 4, 4}, .w = {16, 16, 3, 3}, .pad = 4}, geometry{.x = {3, 100, 1, 1}, .w = {150, 100, 1, 1}},
      geometry{.x = {1, 32, 2, 3}, .w = {70, 32, 3, 3}, .pad = 1},
      geometry{.x = {2, 20, 50}, .w = {18, 20, 4}, .stride = 3, .pad = 1});
  INFO("x " << to_string(g.x) << " w " << to_string(g.w));
  check_case(convolution_case(g), convolution_schedule);
}

TEST_CASE("convolutions whose last block is half full agree with evaluate", "[schedules]") {
  auto const g = GENERATE(geometry{.x = {2, 32, 9, 15}, .w = {24, 32, 1, 1}},             // the second of a pair
                          geometry{.x = {1, 24, 7, 9}, .w = {56, 24, 3, 3}, .pad = 1},    // behind whole pairs
                          geometry{.x = {1, 20, 11, 11}, .w = {37, 20, 3, 3}, .pad = 1},  // of a pair of its own
                          geometry{.x = {1, 18, 8, 8}, .w = {5, 18, 5, 5}, .stride = 2, .pad = 2},
                          geometry{.x = {3, 96, 1, 1}, .w = {72, 96, 1, 1}}, geometry{.x = {1, 2, 40}, .w = {8, 2, 3}},
                          geometry{.x = {1, 17, 6, 6}, .w = {24, 17, 3, 3}});
  INFO("x " << to_string(g.x) << " w " << to_string(g.w));
  check_case(convolution_case(g), convolution_schedule);
  check_case(convolution_case(g, false), convolution_schedule);
}

TEST_CASE("direct convolution reads few channels from row-major images", "[schedules]") {
  auto const g =
      GENERATE(geometry{.x = {2, 3, 33, 35}, .w = {32, 3, 7, 7}, .stride = 2, .pad = 3, .how = layout::row_major},
               geometry{.x = {1, 1, 8, 8}, .w = {16, 1, 3, 3}, .pad = 1, .how = layout::row_major},
               geometry{.x = {1, 1, 28, 28}, .w = {8, 1, 5, 5}, .pad = 2, .how = layout::row_major});
  check_case(convolution_case(g), convolution_schedule);
  check_case(convolution_case(g, false), convolution_schedule);
}

TEST_CASE("grouped convolution agrees with evaluate", "[schedules]") {
  auto const g = GENERATE(geometry{.x = {1, 64, 6, 6}, .w = {64, 32, 3, 3}, .pad = 1, .group = 2},
                          geometry{.x = {2, 32, 5, 5}, .w = {32, 4, 3, 3}, .pad = 1, .group = 8},
                          geometry{.x = {1, 24, 5, 5}, .w = {36, 8, 3, 3}, .pad = 1, .group = 3},
                          geometry{.x = {1, 6, 9, 9}, .w = {12, 2, 3, 3}, .group = 3, .how = layout::row_major});
  check_case(convolution_case(g), convolution_schedule);
}

TEST_CASE("depthwise convolution agrees with evaluate", "[schedules]") {
  auto const g = GENERATE(geometry{.x = {2, 32, 14, 14}, .w = {32, 1, 3, 3}, .pad = 1, .group = 32},
                          geometry{.x = {1, 24, 15, 13}, .w = {24, 1, 5, 5}, .stride = 2, .pad = 2, .group = 24},
                          geometry{.x = {1, 16, 7, 7}, .w = {16, 1, 3, 3}, .pad = 2, .dilation = 2, .group = 16},
                          geometry{.x = {1, 16, 24, 30}, .w = {16, 1, 5, 5}, .pad = 2, .group = 16},  // a large plane
                          geometry{.x = {1, 16, 4, 4}, .w = {16, 1, 7, 7}, .pad = 3, .group = 16},    // many weights
                          geometry{.x = {1, 16, 3, 3}, .w = {16, 1, 3, 3}, .pad = 3, .group = 16});
  check_case(convolution_case(g), depthwise_schedule);
  check_case(convolution_case(g, false), depthwise_schedule);
}

TEST_CASE("epilogues of convolutions agree with evaluate", "[schedules]") {
  geometry const g{.x = {2, 32, 9, 15}, .w = {40, 32, 3, 3}, .pad = 1};
  auto const [epilogue, extra, constant] = GENERATE(
      std::tuple<std::string, shape, bool>{"t0 = add x0 x1; max t0 0", shape{2, 40, 9, 15}, false},
      std::tuple<std::string, shape, bool>{"t0 = sigmoid x0; t1 = mul x0 t0; add t1 x1", shape{2, 40, 9, 15}, false},
      std::tuple<std::string, shape, bool>{"mul x0 x1", shape{40, 1, 1}, true},
      std::tuple<std::string, shape, bool>{"mul x0 x1", shape{2, 40, 1, 1}, false},
      std::tuple<std::string, shape, bool>{"mul x0 x1", shape{}, true});
  INFO(epilogue);
  auto c = with_extra(g, epilogue, extra, constant);
  check_case(c, convolution_schedule, 1e-5);
  check_case(c, winograd_schedule, 5e-5);
  c.slack_blocks = 2;
  check_case(c, convolution_schedule, 1e-5);
  check_case(c, winograd_schedule, 5e-5);
  geometry const d{.x = {2, 40, 9, 15}, .w = {40, 1, 3, 3}, .pad = 1, .group = 40};
  check_case(with_extra(d, epilogue, extra, constant), depthwise_schedule, 1e-5);
}

TEST_CASE("Winograd convolution agrees with evaluate", "[schedules]") {
  auto const g = GENERATE(geometry{.x = {2, 16, 9, 9}, .w = {16, 16, 3, 3}, .pad = 1},    // all of V first
                          geometry{.x = {1, 20, 14, 11}, .w = {40, 20, 3, 3}, .pad = 1},  // partial tiles and blocks
                          geometry{.x = {1, 32, 4, 4}, .w = {150, 32, 3, 3}, .pad = 1},  // one tile, groups of 8 blocks
                          geometry{.x = {2, 250, 7, 6}, .w = {250, 250, 3, 3}, .pad = 1},  // filters are transformed
                          geometry{.x = {2, 16, 33, 62}, .w = {48, 16, 3, 3}, .pad = 1},   // chunks
                          geometry{.x = {1, 16, 30, 250}, .w = {16, 16, 3, 3}},            // chunks of a part of a row
                          geometry{.x = {1, 16, 61, 17}, .w = {24, 16, 3, 3}, .pad = 2});
  INFO("x " << to_string(g.x) << " w " << to_string(g.w));
  check_case(convolution_case(g), winograd_schedule, 3e-5);
  check_case(convolution_case(g, false), winograd_schedule, 3e-5);
}

TEST_CASE("Winograd convolution of phases agrees with evaluate", "[schedules]") {
  auto const g = GENERATE(geometry{.x = {2, 16, 16, 16}, .w = {48, 16, 3, 3}, .pad = 2, .dilation = 2},
                          geometry{.x = {1, 20, 13, 17}, .w = {40, 20, 3, 3}, .pad = 2, .dilation = 2},  // uneven
                          geometry{.x = {1, 16, 33, 31}, .w = {16, 16, 3, 3}, .pad = 4, .dilation = 4},
                          geometry{.x = {1, 16, 12, 14}, .w = {16, 16, 3, 3}, .dilation = 3},            // no padding
                          geometry{.x = {2, 16, 11, 9}, .w = {16, 16, 3, 3}, .pad = 5, .dilation = 5},   // short phases
                          geometry{.x = {1, 16, 20, 18}, .w = {16, 16, 3, 3}, .pad = 3, .dilation = 2},  // begins odd
                          geometry{.x = {1, 16, 70, 270}, .w = {16, 16, 3, 3}, .pad = 2, .dilation = 2});  // slabs
  INFO("x " << to_string(g.x) << " w " << to_string(g.w) << " dilation " << g.dilation);
  REQUIRE(winograd_points_schedule.offer(describe_case(convolution_case(g)), targets[0]).size() == 2);
  check_case(convolution_case(g), winograd_points_schedule, 3e-5);
  check_case(convolution_case(g, false), winograd_points_schedule, 3e-5);
  auto sum = with_extra(g, "t0 = add x0 x1; max t0 0", *inferred_types(convolution_case(g))[0].shape, false);
  sum.slack_blocks = 1;
  check_case(sum, winograd_points_schedule, 5e-5);
}

TEST_CASE("phases that leave no tile or read no input are none of Winograd's", "[schedules]") {
  auto const few = [](geometry const& g) {
    return winograd_points_schedule.offer(describe_case(convolution_case(g)), targets[0]).empty();
  };
  CHECK(few({.x = {1, 16, 9, 9}, .w = {16, 16, 3, 3}, .pad = 6, .dilation = 2}));  // three positions of padding
  CHECK(few({.x = {1, 16, 2, 9}, .w = {16, 16, 3, 3}, .pad = 4, .dilation = 3}));  // a phase without input
  CHECK(few({.x = {1, 16, 9, 9}, .w = {16, 16, 5, 5}, .pad = 4, .dilation = 2}));
  CHECK(few({.x = {1, 16, 9, 9}, .w = {16, 16, 3, 3}, .stride = 2, .pad = 2, .dilation = 2}));
  CHECK(few({.x = {1, 16, 9, 9}, .w = {16, 1, 3, 3}, .pad = 2, .dilation = 2, .group = 16}));
}

TEST_CASE("Winograd convolution by points has the bits of that by chunks", "[schedules]") {
  auto const g = GENERATE(geometry{.x = {2, 128, 36, 36}, .w = {160, 128, 3, 3}, .pad = 1},
                          geometry{.x = {1, 144, 40, 34}, .w = {144, 144, 3, 3}});
  target const large("x86-64:avx512f/l2=16M"), small("x86-64:avx512f/l2=64K");
  auto const c = convolution_case(g);
  CHECK_FALSE(offers(winograd_points_schedule, c, large));
  auto const points = winograd_points_schedule.offer(describe_case(c), small);
  auto const chunks = winograd_schedule.offer(describe_case(c), small);
  REQUIRE(!points.empty());
  for (auto const& how : points) {
    auto const& same = *std::ranges::find(chunks, how.error, &candidate::error);
    CHECK(how.build(describe_case(c)).regions.size() > 3);
    CHECK(how.cost == same.cost);
    CHECK(same_bits(run_case(c, how, small)[0], run_case(c, same, small)[0]));
  }
}

TEST_CASE("convolution of bands has the bits of the direct one", "[schedules]") {
  target const wide("x86-64:avx512f/l2=16K"), narrow("x86-64:avx2/l2=16K"), usual("avx512");
  auto const g = GENERATE(geometry{.x = {2, 64, 9, 17}, .w = {48, 64, 1, 1}},
                          geometry{.x = {1, 72, 10, 10}, .w = {64, 72, 1, 1}},  // part of a block
                          geometry{.x = {1, 96, 101}, .w = {48, 96, 1}});
  INFO("x " << to_string(g.x) << " w " << to_string(g.w));
  auto sum = with_extra(g, "t0 = add x0 x1; max t0 0", *inferred_types(convolution_case(g))[0].shape, false);
  sum.slack_blocks = 1;
  for (auto const& c : {convolution_case(g), convolution_case(g, false), sum}) {
    CHECK_FALSE(offers(convolution_bands_schedule, c, usual));
    auto const direct = run_case(c, convolution_schedule.offer(describe_case(c), usual).at(0), usual);
    for (auto const& t : {wide, narrow}) {
      auto const bands = convolution_bands_schedule.offer(describe_case(c), t).at(0);
      CHECK(bands.build(describe_case(c)).regions.size() == 2);
      CHECK(same_bits(run_case(c, bands, t)[0], direct[0]));
      CHECK(same_bits(run_case(c, bands, t, emitted)[0], direct[0]));
    }
  }
}

TEST_CASE("matrix products agree with evaluate", "[schedules]") {
  struct product {
    shape a, b;
    bool constant, trans_b;
  };
  auto const p = GENERATE(product{{1, 70}, {70, 100}, true, false}, product{{1, 512}, {1000, 512}, true, true},
                          product{{13, 33}, {33, 64}, true, false}, product{{2, 7, 24}, {24, 37}, true, false},
                          product{{4, 16}, {16, 16}, true, false}, product{{2, 3, 9, 20}, {2, 3, 20, 33}, false, false},
                          product{{5, 8}, {8, 3}, false, false}, product{{1, 8}, {8, 90}, false, false},
                          product{{40, 33}, {33, 1}, false, false}, product{{1, 9, 33}, {33, 20}, true, false},
                          product{{130, 64}, {64, 200}, true, false});  // tasks of many rows, two heights of tiles
  INFO("a " << to_string(p.a) << " b " << to_string(p.b));
  auto const columns = p.trans_b ? p.b[p.b.rank() - 2] : p.b.back();
  std::vector<test_operand> inputs{{.value = random_tensor(p.a, 1)},
                                   {.value = random_tensor(p.b, 2), .constant = p.constant},
                                   {.value = random_tensor({columns}, 3), .constant = true}};
  attribute_map attributes{{"trans_b", std::int64_t{p.trans_b}}};
  auto const plain = make_case(gemm_entry, attributes, inputs);
  check_case(plain, gemm_schedule);
  auto result = inferred_types(plain)[0].shape;
  inputs[2] = {};
  inputs.push_back({.value = random_tensor(*result, 4)});
  attributes["epilogue"] = "t0 = add x0 x1; max t0 0";
  check_case(make_case(gemm_entry, attributes, inputs), gemm_schedule);
}

TEST_CASE("matrix products of few terms have long epilogues", "[schedules]") {
  for (auto const& [rows, terms] : {std::pair<std::int64_t, std::int64_t>{40, 1}, {40, 7}, {8, 8}, {40, 20}}) {
    INFO(rows << " rows, " << terms << " terms");
    std::vector<test_operand> const inputs{{.value = random_tensor({rows, terms}, 1)},
                                           {.value = random_tensor({terms, 100}, 2), .constant = true},
                                           {.value = random_tensor({100}, 3), .constant = true}};
    auto const how = std::string("t0 = erf x0; t1 = tanh t0; t2 = mul t1 x0; t3 = erf t2; t4 = tanh t3; add t4 t0");
    check_case(make_case(gemm_entry, {{"epilogue", how}}, inputs), gemm_schedule);
  }
}

TEST_CASE("stacks of matrices broadcast", "[schedules]") {
  auto const [a, b] = GENERATE(std::pair<shape, shape>{{3, 1, 5, 20}, {4, 20, 33}},      // both sides repeat
                               std::pair<shape, shape>{{2, 4, 5, 20}, {4, 20, 17}},      // one side, outer axes
                               std::pair<shape, shape>{{2, 3, 5, 20}, {2, 1, 20, 17}},   // one side, inner axes
                               std::pair<shape, shape>{{7, 20}, {2, 3, 20, 17}},         // the left matrix alone
                               std::pair<shape, shape>{{7, 20}, {1, 1, 20, 17}},         // axes of one matrix
                               std::pair<shape, shape>{{2, 3, 1, 20}, {2, 3, 20, 100}},  // vectors
                               std::pair<shape, shape>{{1, 3, 5, 20}, {2, 1, 20, 17}});  // both, the other way round
  INFO("a " << to_string(a) << " b " << to_string(b));
  bool const one_b = b.elements(0, b.rank() - 2) == 1;
  for (bool const constant : {false, one_b}) {
    std::vector<test_operand> inputs{{.value = random_tensor(a, 1)},
                                     {.value = random_tensor(b, 2), .constant = constant},
                                     {.value = random_tensor({b.back()}, 3), .constant = true}};
    auto const plain = make_case(gemm_entry, {}, inputs);
    check_case(plain, gemm_schedule);
    inputs.push_back({.value = random_tensor(*inferred_types(plain)[0].shape, 4)});
    check_case(make_case(gemm_entry, {{"epilogue", std::string("add x0 x1")}}, inputs), gemm_schedule);
  }
}

TEST_CASE("kernels of many rows fetch the weights of the columns behind theirs", "[schedules]") {
  auto const ahead = [](std::int64_t rows, std::int64_t depth) {
    auto const c =
        make_case(gemm_entry, {}, {{.value = random_tensor({rows, depth}, 1)}, {random_tensor({depth, 128}, 2), true}});
    auto const kernel =
        gemm_schedule.offer(describe_case(c), targets[0]).at(0).build(describe_case(c)).kernels.at(0).make();
    auto const stream = std::ranges::find(kernel.streams, "ahead", &vector::stream::name);
    if (stream == kernel.streams.end()) return std::int64_t{0};
    double fetched = 0;
    for_each_executed(kernel, [&](vector::instruction const& i, double times) {
      if (i.op == vector::opcode::prefetch && i.m.stream == stream - kernel.streams.begin()) fetched += 64 * times;
    });
    return static_cast<std::int64_t>(fetched);
  };
  CHECK(ahead(128, 256) >= 256 * 64 * 4);
  CHECK(ahead(128, 8) == 0);   // all weights stay in the first-level cache
  CHECK(ahead(12, 256) == 0);  // the rows take less time than that of fetching them
}

TEST_CASE("weights beyond the second-level cache are read once, those of the next blocks fetched by the way",
          "[schedules]") {
  std::int64_t const groups = 16, group_bytes = 32 * 9 * 2 * 64;
  auto const c = convolution_case({.x = {1, 32, 9, 9}, .w = {groups * 32, 32, 3, 3}, .stride = 2, .pad = 1});
  target const usual("x86-64:avx512f/l2=4M"), small("x86-64:avx512f/l2=128K");
  auto const near = convolution_schedule.offer(describe_case(c), usual).at(0);
  auto const far = convolution_schedule.offer(describe_case(c), small).at(0);
  CHECK(same_bits(run_case(c, far, small)[0], run_case(c, near, usual)[0]));
  CHECK(near.build(describe_case(c)).regions.at(0).grids.size() > 1);

  auto const code = far.build(describe_case(c));
  REQUIRE(code.regions.at(0).grids.size() == 1);
  auto const& g = code.regions[0].grids[0];
  CHECK(g.tasks() == groups);
  double fetched = 0;
  for_each_counted_call(g, 0, [&](statement const& call, double calls) {
    auto const kernel = code.kernels.at(call.kernel.index).make();
    auto const stream = std::ranges::find(kernel.streams, "ahead", &vector::stream::name) - kernel.streams.begin();
    for_each_executed(kernel, [&](vector::instruction const& i, double times) {
      if (i.op == vector::opcode::prefetch && i.m.stream == stream) fetched += 64 * times * calls;
    });
  });
  CHECK(fetched >= static_cast<double>(groups * group_bytes));
  CHECK(fetched < static_cast<double>(2 * groups * group_bytes));
}

TEST_CASE("tasks of tiles fetch the weights of the next blocks too", "[schedules]") {
  auto const c = convolution_case({.x = {1, 32, 14, 14}, .w = {8 * 32, 32, 1, 1}});
  auto const fetches = [&](target const& t) {
    auto const how = convolution_schedule.offer(describe_case(c), t).at(0);
    CHECK(same_bits(run_case(c, how, t)[0], run_case(c, convolution_schedule, targets[0]).value()[0]));
    return how.build(describe_case(c)).regions.at(0).grids.at(0).body.at(0).arguments.back().in == space::weight;
  };
  CHECK(fetches("x86-64:avx512f/l2=32K"));
  CHECK_FALSE(fetches("x86-64:avx512f/l2=1M"));
}

TEST_CASE("stacks that repeat along too many axes are left to others", "[schedules]") {
  auto const c =
      make_case(gemm_entry, {},
                {{.value = random_tensor({2, 1, 2, 1, 3, 4}, 1)}, {.value = random_tensor({1, 3, 1, 3, 4, 5}, 2)}});
  CHECK_FALSE(offers(gemm_schedule, c, targets[0]));
}

TEST_CASE("facts of the machine change tiles and order, but no bit", "[schedules]") {
  auto const c = convolution_case({.x = {1, 48, 16, 30}, .w = {16, 48, 3, 3}, .pad = 1});
  target const usual("avx512"), small("x86-64:avx512f/loads=1,l1d=16K,l2=64K");
  auto const keys = [&](candidate const& how) {
    std::vector<std::string> all;
    for (auto const& kernel : how.build(describe_case(c)).kernels) all.push_back(kernel.key());
    return all;
  };
  for (auto const* s : {&convolution_schedule, &winograd_schedule}) {
    auto const few = s->offer(describe_case(c), small), many = s->offer(describe_case(c), usual);
    REQUIRE(few.size() == many.size());
    bool differ = false;
    for (std::size_t i = 0; i < few.size(); ++i) {
      differ = differ || keys(few[i]) != keys(many[i]);
      CHECK(same_bits(run_case(c, few[i], small)[0], run_case(c, many[i], usual)[0]));
    }
    CHECK(differ);
  }
}

TEST_CASE("kernels exist for what they can do only", "[schedules]") {
  auto c = convolution_case({.x = {1, 16, 5, 5}, .w = {16, 16, 3, 3}, .pad = 1});
  target const machine("avx512");
  CHECK(offers(convolution_schedule, c, machine));
  CHECK_FALSE(offers(depthwise_schedule, c, machine));
  CHECK_FALSE(offers(gemm_schedule, c, machine));
  c.inputs[1].constant = false;
  CHECK_FALSE(offers(convolution_schedule, c, machine));
}

TEST_CASE("each field of a tile but its name is in the key of its kernel", "[schedules]") {
  using tile = contraction_tile;
  auto const key = [](auto&& change, target set = "avx512") {
    tile t{.taps_y = {{.inside = {true}}}, .taps_x = {{.inside = {true}}}, .sections = {{}}, .w_blocks = {0}};
    change(t);
    return key_of(t, set);
  };
  auto const base = key([](tile&) {});
  CHECK(key([](tile& t) { t.name = "other"; }) == base);
  CHECK(key([](tile&) {}, "avx2") != base);
  for (auto const field :
       {&tile::rows, &tile::cols, &tile::x_origin, &tile::x_row, &tile::x_col, &tile::x_tap_row, &tile::x_tap_col,
        &tile::x_channel, &tile::kernel_rows, &tile::kernel_cols, &tile::w_channel, &tile::w_prefetch, &tile::w_ahead,
        &tile::w_ahead_at, &tile::y_row, &tile::y_col, &tile::y_block})
    CHECK(key([&](tile& t) { t.*field += 64; }) != base);
  using section = reduction_section;
  for (auto const field :
       {&section::chunks, &section::channels, &section::x_offset, &section::x_chunk, &section::w_offset})
    CHECK(key([&](tile& t) { t.sections[0].*field += 64; }) != base);
  for (auto const taps : {&tile::taps_y, &tile::taps_x}) {
    CHECK(key([&](tile& t) { ++(t.*taps)[0].first; }) != base);
    CHECK(key([&](tile& t) { ++(t.*taps)[0].count; }) != base);
    CHECK(key([&](tile& t) { (t.*taps)[0].inside[0] = false; }) != base);
  }
  CHECK(key([](tile& t) { t.w_blocks[0] = 64; }) != base);
  CHECK(key([](tile& t) { t.last_lanes = 8; }) != base);
  CHECK(key([](tile& t) { t.dense_weights = false; }) != base);
  CHECK(key([](tile& t) { t.bias = true; }) != base);
  CHECK(key([](tile& t) { t.resumes = true; }) != base);
  CHECK(key([](tile& t) { t.factors = tile_factors::pairs; }) != base);
  CHECK(key([](tile& t) { t.epilogue.extras = {extra_kind::element}; }) != base);
  CHECK(key([](tile& t) { t.epilogue.function.lines = {{.code = expr::op::input}}; }) != base);
}
