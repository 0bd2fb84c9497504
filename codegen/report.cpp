#include "report.hpp"

#include <sinter/passes/fold_constants.hpp>

#include "report_parts.hpp"
#include <algorithm>
#include <filesystem>
#include <utility>

namespace codegen {
namespace {

using sinter::graph;
using sinter::value_id;

value_id value_at(std::size_t i) { return {static_cast<std::int32_t>(i)}; }

/// The imported graph with the types that its values have for the shapes at hand, and which values are constants then.
struct typed_graph {
  graph g{};
  std::vector<bool> constant{};
};

typed_graph typed(shaped_model const& model) {
  typed_graph result{.g = sinter::specialize(model.g, model.signatures.front())};
  auto folded = result.g;
  sinter::rewriter rewrites(folded);
  sinter::passes::fold_constants(rewrites);
  for (std::size_t i = 0; i < result.g.value_count(); ++i) {
    result.g.at(value_at(i)).type = folded.at(value_at(i)).type;
    result.constant.push_back(folded.at(value_at(i)).is_constant());
  }
  return result;
}

/// Constants that nodes or outputs use.
std::vector<value_id> constants_of(graph const& g) {
  std::vector<value_id> result;
  for (std::size_t i = 0; i < g.value_count(); ++i) {
    auto const& v = g.at(value_at(i));
    if (v.is_constant() && (!v.users.empty() || g.is_output(value_at(i)))) result.push_back(value_at(i));
  }
  return result;
}

ordered_json weights_of(graph const& g, report_graph const& drawn) {
  auto constants = constants_of(g);
  auto const bytes = [&](value_id id) { return g.at(id).constant.bytes(); };
  std::ranges::stable_sort(constants, std::ranges::greater(), bytes);
  auto all = ordered_json::array();
  for (auto const id : constants) {
    auto users = ordered_json::array();
    for (auto const user : g.at(id).users) users.push_back(drawn.nodes.at(user));
    all.push_back({{"name", g.at(id).name},
                   {"type", type_text(g.at(id).type)},
                   {"bytes", bytes(id)},
                   {"users", std::move(users)}});
  }
  return all;
}

std::int64_t parameters_of(graph const& g) {
  std::int64_t sum = 0;
  for (auto const id : constants_of(g)) sum += static_cast<std::int64_t>(g.at(id).constant.elements());
  return sum;
}

ordered_json opsets_of(graph const& g) {
  auto all = ordered_json::object();
  for (auto const& [domain, version] : g.opsets) all[domain.empty() ? "ai.onnx" : domain] = version;
  return all;
}

ordered_json measurement_of(report_subject const& s) {
  if (!s.measured) return nullptr;
  return {{"threads", s.threads}, {"runs", s.runs}, {"seconds", s.measured->run_seconds}};
}

ordered_json operations_of(sinter::program const& p, std::span<profiled_step const> steps) {
  if (p.on_device) return nullptr;
  double sum = 0;
  for (auto const& step : steps) sum += step.operations.total();
  return sum;
}

}  // namespace

std::string report_data(report_subject const& s) {
  auto const before = typed(s.model);
  auto drawn_before = draw(before.g);
  auto drawn_after = draw(s.bound.g);
  add_fates(drawn_before, before.g, before.constant, drawn_after, s.bound.g);
  auto const steps = s.measured ? s.measured->steps : describe_steps(s.program);
  std::int64_t packed = 0;
  for (auto const& w : s.program.weights) packed += w.bytes;
  std::error_code unknown;
  auto const size = std::filesystem::file_size(s.file, unknown);
  ordered_json all{{"file", std::filesystem::path(s.file).filename().string()},
                   {"bytes", unknown ? ordered_json() : ordered_json(size)},
                   {"graph", before.g.name},
                   {"opsets", opsets_of(before.g)},
                   {"target", s.target},
                   {"rewrites", s.bound.done.rewrites},
                   {"parameters", parameters_of(before.g)},
                   {"operations", operations_of(s.program, steps)},
                   {"measured", measurement_of(s)},
                   {"packed_bytes", packed},
                   {"packed_blocks", s.program.weights.size()},
                   {"scratch_bytes", s.program.scratch_bytes},
                   {"kernels", s.program.kernels.size() + s.program.device_kernels.size()}};
  all["weights"] = weights_of(before.g, drawn_before);
  all["before"] = std::move(drawn_before.json);
  all["steps"] = steps_of(s.program, steps, s.measured.has_value(), drawn_after.nodes);
  all["after"] = std::move(drawn_after.json);
  all["memories"] = memories_of(s.program);
  return all.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace codegen
