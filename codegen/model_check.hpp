#pragma once

#include <sinter/core/preferences.hpp>
#include <sinter/core/target.hpp>

#include "model_file.hpp"
#include <string>
#include <vector>

/// Whether a model is sound, and how it would run.
namespace codegen {

struct check_report {
  std::string header{};                    ///< what the file says it is
  std::vector<std::string> warnings{};     ///< what may not be as it seems
  std::vector<std::string> faults{};       ///< against the rules of ONNX, types and shapes included
  std::vector<std::string> unsupported{};  ///< nodes and features that this library lacks, with the reason
  std::size_t nodes = 0;
  std::size_t compared = 0;          ///< values whose declared type was compared with the inferred one
  std::string not_planned{};         ///< why it is not known how the model would run; empty: it is
  std::size_t steps = 0;             ///< of the program
  std::vector<std::string> loops{};  ///< those that run as plain loops or islands

  bool is_sound() const { return faults.empty(); }
  bool runs() const { return is_sound() && unsupported.empty(); }
};

/// Reads a model and checks it: structure, versions, types, shapes where they are known or given; operators; and, if
/// all is well, the plan for `machine`. What is wrong with the model is in the report. Errors: invalid_argument for
/// shapes that do not fit; io.
check_report check_model(model_arguments const& model, sinter::target const& machine,
                         sinter::preferences const& prefer);

/// For people.
std::string to_string(check_report const& r);

}  // namespace codegen
