#pragma once

#include <sinter/onnx/import.hpp>
#include <sinter/ops/operator.hpp>
#include <sinter/passes/infer_types.hpp>

#include <fmt/ranges.h>

#include "cases.hpp"
#include <array>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// The document docs/operators.md: what is registered, and how many cases with it pass on each backend.
namespace conformance {

/// The backends that have a column, as results name them.
inline constexpr std::array<std::string_view, 4> table_backends{"evaluate", "x86", "cpp", "cuda"};
inline constexpr std::array<std::string_view, 4> table_titles{"evaluate", "x86", "C++", "CUDA"};

/// One operator of a domain.
struct operator_row {
  std::set<std::int64_t> versions{};  ///< that a definition begins with
  std::set<sinter::dtype> types{};    ///< of first inputs, in cases that pass by `evaluate`
  std::size_t cases = 0;
  std::array<std::size_t, 4> passed{};  ///< by backend
};

class operator_document {
 public:
  /// `results` are files that `--json` wrote, those that exist; a backend without one has an empty column.
  operator_document(std::vector<test_case> const& cases, std::vector<fs::path> const& results) {
    for (auto const& entry : sinter::operator_table())
      if (entry.schema.domain != "sinter")  // what passes make
        rows_[{std::string(entry.schema.domain), std::string(entry.schema.name)}].versions.insert(entry.schema.since);
    for (auto const& file : results) read_results(file);
    for (auto const& c : cases) count(c);
  }

  std::string text() const {
    std::string result = std::string(introduction);
    std::string const* domain = nullptr;
    for (auto const& [key, row] : rows_) {
      if (!domain || *domain != key.first) {
        result +=
            fmt::format("\n## {}\n\n| operator | versions | element types | cases | {} |\n|---|---|---|---|{}\n",
                        key.first.empty() ? "ai.onnx" : key.first, fmt::join(table_titles, " | "), "---|---|---|---|");
        domain = &key.first;
      }
      result += line(key.second, row);
    }
    return result;
  }

 private:
  using key = std::pair<std::string, std::string>;  ///< domain and name

  static constexpr std::string_view introduction =
      R"(# Operators

What is registered in `ops/all.hpp`, written by the runner of the official backend tests. Versions are those of the operator set from which on
a definition holds, up to the newest. Element types are those of first inputs in cases that pass; operators take others, too. A case
counts for each operator in its graph. A column says how many of the cases pass: by `evaluate`, as machine code, as a generated C++ library,
and on the emulated CUDA device; `-`: that backend was not run when this was written. What has no kernel runs as a plain loop
(`sinter check` says what of a model does); C++ libraries refuse strings, sequences, loops, and shapes that depend on data.

`operator_table` runs the first two backends, `operator_table_all` all of them, which takes the compiler a while:

    cmake --build build/test --target operator_table
)";

  void read_results(fs::path const& file) {
    std::ifstream in(file);
    if (!in) return;  // that backend was not run
    auto const json = nlohmann::json::parse(in);
    auto const backend = std::ranges::find(table_backends, json.at("backend").get<std::string>());
    if (backend == table_backends.end()) throw std::runtime_error("no column for the results in " + file.string());
    auto const column = static_cast<std::size_t>(backend - table_backends.begin());
    has_[column] = true;
    for (auto const& c : json.at("cases"))
      if (c.at("outcome") == "passed") passed_[column].insert(c.at("case").get<std::string>());
  }

  /// The operators of a graph and of its subgraphs, with the types of their first inputs.
  void collect(sinter::graph const& g, std::map<key, std::set<sinter::dtype>>& to) const {
    for (auto const id : g.topological_order()) {
      auto const& n = g.at(id);
      auto& types = to[{n.domain, n.op}];
      if (!n.inputs.empty() && n.inputs[0]) types.insert(g.at(n.inputs[0]).type.element);
      for (auto const& [name, a] : n.attributes)
        if (auto const* const body = std::get_if<std::shared_ptr<sinter::graph const>>(&a)) collect(**body, to);
    }
  }

  void count(test_case const& c) try {
    auto g = sinter::onnx::import_file(c.model);
    try {
      sinter::passes::infer_types(g);
    } catch (sinter::error const&) {  // the types that are known are
    }
    std::map<key, std::set<sinter::dtype>> found;
    collect(g, found);
    for (auto const& [key, types] : found) {
      auto const row = rows_.find(key);
      if (row == rows_.end()) continue;
      ++row->second.cases;
      for (std::size_t i = 0; i < passed_.size(); ++i) row->second.passed[i] += passed_[i].contains(c.name);
      if (passed_[0].contains(c.name)) row->second.types.insert(types.begin(), types.end());
    }
  } catch (sinter::error const&) {  // no graph, no operators
  }

  std::string line(std::string const& name, operator_row const& row) const {
    std::string types, columns;
    for (auto const t : row.types)
      if (t != sinter::dtype::undefined) types += (types.empty() ? "" : ", ") + std::string(sinter::name(t));
    for (std::size_t i = 0; i < has_.size(); ++i)
      columns += has_[i] && row.cases > 0 ? fmt::format(" {} |", row.passed[i]) : " - |";
    return fmt::format("| {} | {} | {} | {} |{}\n", name, fmt::join(row.versions, ", "), types.empty() ? "-" : types,
                       row.cases, columns);
  }

  std::map<key, operator_row> rows_{};
  std::array<std::set<std::string>, 4> passed_{};
  std::array<bool, 4> has_{};
};

}  // namespace conformance
