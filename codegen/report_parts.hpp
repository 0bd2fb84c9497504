#pragma once

#include <sinter/graph/graph.hpp>
#include <sinter/program/program.hpp>

#include <nlohmann/json.hpp>

#include "profile.hpp"
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

/// The parts of `report_data`.
namespace codegen {

using nlohmann::ordered_json;

/// A graph as the page draws it, and which of its nodes is which of the drawing.
struct report_graph {
  ordered_json json{};
  std::map<sinter::node_id, std::size_t> nodes{};
};

report_graph draw(sinter::graph const& g);

/// Adds to the nodes of `before` what became of them in `after`. `constant` tells of a value of `before` whether it
/// does not depend on inputs.
void add_fates(report_graph& before, sinter::graph const& g, std::vector<bool> const& constant,
               report_graph const& after, sinter::graph const& rewritten);

/// "float[1x3x224x224]", "float" where the shape is not known.
std::string type_text(sinter::tensor_type const& type);
/// The bytes of a dense tensor; null where they are not known.
ordered_json bytes_of(sinter::tensor_type const& type);

ordered_json steps_of(sinter::program const& p, std::span<profiled_step const> steps, bool timed,
                      std::map<sinter::node_id, std::size_t> const& nodes);
ordered_json memories_of(sinter::program const& p);

}  // namespace codegen
