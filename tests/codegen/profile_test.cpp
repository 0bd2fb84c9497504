#include "profile.hpp"

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "machine_rates.hpp"
#include <algorithm>
#include <string>

using namespace codegen;

namespace {

profile two_steps() {
  return {.steps = {{.kind = step_kind::kernel,
                     .nodes = "conv (Conv)",
                     .schedule = "direct",
                     .operations = {.lanes = 3e6, .bfloat16_tiles = 1e6},
                     .bytes = 1000,
                     .seconds = 100e-6,
                     .last_begin = 2e-6,
                     .last_seconds = 90e-6},
                    {.kind = step_kind::host, .nodes = "t\xff (TopK)", .bytes = 10, .seconds = 300e-6}},
          .run_seconds = 390e-6};
}

/// 100 GFLOP/s; 10 GB/s from 1 kB, else 1 GB/s.
roofline slow_machine() {
  return {{.lanes = 1e11, .bfloat16_tiles = 1e11}, {{"L1", 1000, 1e10}, {"memory", INT64_MAX, 1e9}}};
}

}  // namespace

TEST_CASE("the roof is that of operations or of the level that holds the bytes, whichever is lower") {
  auto const r = slow_machine();
  CHECK(r.seconds({.lanes = 1e6}, 1000) == 1e-5);
  CHECK(r.seconds({.lanes = 1e6, .bfloat16_tiles = 1e6}, 1000) == 2e-5);
  CHECK(r.seconds({.lanes = 1}, 1000) == 1e-7);
  CHECK(r.seconds({.lanes = 1}, 1001) == 1001e-9);
  CHECK_FALSE(roofline());
}

TEST_CASE("a profile is a table with a line for each step and totals of each kind") {
  auto const text = profile_table(two_steps(), slow_machine());
  // us, share of all time, GFLOP/s, kB, percent of the roof
  CHECK_THAT(text, says("100   25.0       40          1     40  kernel  direct"));
  CHECK_THAT(text, says("300   75.0        -       0.01      -  host"));
  CHECK_THAT(text, says("total kernel: 1 step, 100 us, 25.0 %, 40 GFLOP/s\n"));
  CHECK_THAT(text, says("total host: 1 step, 300 us, 75.0 %, - GFLOP/s\n"));
  CHECK_THAT(text, says("total: 2 steps, 400 us; a run without this measurement 390 us"));
  CHECK_THAT(text, !says("total island"));
  CHECK_THAT(profile_table(two_steps(), {}), !says("roof, as"));
}

TEST_CASE("a trace is JSON that viewers read") {
  auto const json = nlohmann::json::parse(chrome_trace(two_steps()));
  auto const& events = json.at("traceEvents");
  REQUIRE(events.size() == 2);
  CHECK(events[0].at("name") == "conv (Conv)");
  CHECK(events[0].at("ph") == "X");
  CHECK(events[0].at("ts") == Approx(2.0));
  CHECK(events[0].at("dur") == Approx(90.0));
  CHECK(events[0].at("args").at("operations") == 4e6);
  CHECK(events[1].at("cat") == "host");
}

TEST_CASE("the profile of a model has its steps, in the order of the program and of time") {
  auto const model = load_model({.file = SINTER_SOURCE_DIR "/examples/hello/digits.onnx", .shapes = {"image=1x1x8x8"}});
  progress quiet("test");
  auto const p = measure_profile(model, {.machine = sinter::runnable_here("native"), .runs = 3}, nullptr, quiet);
  REQUIRE(!p.steps.empty());
  double end = 0;
  for (auto const& s : p.steps) {
    CHECK(s.last_begin >= end);
    end = s.last_begin + s.last_seconds;
    CHECK(s.bytes > 0);
    CHECK(!s.schedule.empty());
  }
  CHECK(std::ranges::count(p.steps, step_kind::kernel, &profiled_step::kind) >= 2);
  CHECK(p.steps[0].nodes.find("Conv") != std::string::npos);
}

TEST_CASE("probes of the machine run and read more slowly than nothing") {
  if (sinter::runnable_here("native").device() != sinter::device_kind::x86_64) return;
  CHECK(fma_rate(sinter::runnable_here("native")) > 0);
  CHECK(read_rate(sinter::runnable_here("avx2"), nullptr, 16 << 10) > 0);
  CHECK_FALSE(measure_roofline(sinter::target("none"), nullptr));
}
