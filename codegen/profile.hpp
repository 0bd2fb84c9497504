#pragma once

#include <sinter/core/preferences.hpp>
#include <sinter/core/target.hpp>
#include <sinter/program/program.hpp>
#include <sinter/program/traffic.hpp>
#include <sinter/runtime/executable.hpp>

#include "model_file.hpp"
#include "progress.hpp"
#include "roofline.hpp"
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

/// Where the time of a model goes, step by step.
namespace codegen {

enum class step_kind : std::uint8_t { kernel, host, island, copy };
std::string_view name(step_kind kind);

/// One step of a program, and when it ran.
struct profiled_step {
  step_kind kind = step_kind::kernel;
  std::string nodes{};     ///< "conv1 (Conv), pool1 (MaxPool)"; empty of what the planner puts between nodes
  std::string schedule{};  ///< who made it
  sinter::operation_counts operations{};  ///< 0 where nobody counts them: host and island
  std::int64_t bytes = 0;                 ///< that it touches
  double seconds = 0;                     ///< median over the runs
  double last_begin = 0;                  ///< of the last run, in seconds since it began
  double last_seconds = 0;
};

struct profile {
  std::vector<profiled_step> steps{};
  double run_seconds = 0;  ///< of a run without measurement of its steps, median
};

struct profile_options {
  sinter::target machine{"native"};
  int runs = 30;
  sinter::preferences prefer{};
};

/// What the steps of a program do; their times are 0.
std::vector<profiled_step> describe_steps(sinter::program const& p);

/// Measures the steps on examples, in turn with runs whose steps are not measured.
profile measure_profile(sinter::executable const& code, int runs, progress& shown);

/// Compiles the model and measures it. `pool` (may be null) runs it.
profile measure_profile(shaped_model const& model, profile_options const& how, sinter::executor* pool, progress& shown);

/// A table with a line for each step, in order, and the totals of each kind.
std::string profile_table(profile const& p, roofline const& limit);

/// The last run as Chrome's trace viewer and Perfetto read it, JSON; times in microseconds. Errors: unsupported_feature
/// where the tool was built without nlohmann_json.
std::string chrome_trace(profile const& p);

}  // namespace codegen
