#pragma once

#include <sinter/compile.hpp>
#include <sinter/program/program.hpp>

#include "model_file.hpp"
#include "profile.hpp"
#include <optional>
#include <string>
#include <string_view>

/// What the compiler makes of a model, as one page for a browser.
namespace codegen {

struct report_subject {
  std::string file{};                    ///< of the model
  shaped_model const& model;             ///< as imported
  sinter::rewritten_graph const& bound;  ///< after all passes
  sinter::program const& program;        ///< of that graph
  std::string target{};                  ///< that it is compiled for
  std::optional<profile> measured{};     ///< of that program; none: the page shows no times
  int threads = 0, runs = 0;             ///< of the measurement
};

/// The data of the page, JSON:
///
///     file, bytes, graph (its name), opsets {domain: version}, target, rewrites, parameters (elements of constants)
///     operations    of float32 in a run; null of a program for a device
///     measured      null, or {threads, runs, seconds: median of a run}
///     packed_bytes, packed_blocks, scratch_bytes (a thread), kernels (distinct ones)
///     before, after {width, height, values, nodes, lines}
///       values      {name, type, bytes (null: unknown), constant: few elements as text}
///       nodes       {kind: input | node | output, name, op, domain, version, attributes, inputs, outputs, box}
///                   inputs and outputs are values or -1; box is left, top, width, height in pixels
///                   of `before` besides: becomes (a node of `after`), folded (its outputs are constants there)
///       lines       {value, from, to, path: x, y, x, y, …}
///     steps         {nodes (of `after`), schedule, kind, seconds, operations, bytes, kernels: [{name, calls}],
///                   tensors: of each memory those that it touches, weights: bytes}; of a program for a device
///                   operations and bytes are null
///     memories      {name, bytes, bound, tensors: [{name, offset, bytes, first, last: steps}]}
///     weights       {name, type, bytes, users (nodes of `before`)}, the largest first
///
/// Text that is no UTF-8 is replaced. Errors: unsupported_feature where the tool was built without nlohmann_json.
std::string report_data(report_subject const& s);

/// The page, which needs no other file and no network. `data` may hold any text.
std::string report_page(std::string_view data);

}  // namespace codegen
