#pragma once

#include <sinter/core/preferences.hpp>

#include <CLI/CLI.hpp>

#include "model_file.hpp"
#include <string>

/// The subcommands of `sinter`. Each function adds one to the application.
namespace codegen {

void add_compile(CLI::App& app);
void add_inspect(CLI::App& app);
void add_run(CLI::App& app);
void add_bench(CLI::App& app);
void add_check(CLI::App& app);
void add_verify(CLI::App& app);
void add_quantize(CLI::App& app);

/// Adds the arguments that all subcommands have: the model and the shapes of its inputs.
inline void add_model(CLI::App& command, model_arguments& to) {
  command.add_option("model", to.file, "the ONNX file")->required()->check(CLI::ExistingFile);
  command.add_option("--shape", to.shapes,
                     "shapes of inputs that leave theirs open, as name=1x3x224x224; N in front is the batch");
}

/// Adds the option that says what a model is compiled for.
inline void add_target(CLI::App& command, std::string& to, std::string const& names = "--isa,--target") {
  command
      .add_option(names, to, "what to compile for: native, avx512, avx2, none, or in full as x86-64:avx512f,avx512vnni")
      ->capture_default_str();
}

/// Adds the option that says where a model runs.
inline void add_device(CLI::App& command, std::string& to) {
  command.add_option("--device", to, "where to run: cpu, cuda (the first GPU) or cuda:1")->capture_default_str();
}

/// Adds an option whose value is one of `names`: pairs of a name and a value of an enumeration.
template <typename Value, typename Names>
void add_named(CLI::App& command, std::string const& option, Value& to, Names const& names, std::string const& text) {
  command
      .add_option_function<std::string>(
          option,
          [&to, names, option](std::string const& given) {
            std::string known;
            for (auto const& [name, value] : names) {
              if (name == given) return void(to = value);
              known += (known.empty() ? "" : ", ") + std::string(name);
            }
            throw CLI::ValidationError(option, "'" + given + "' is none of " + known);
          },
          text)
      ->type_name("NAME");
}

/// Adds the options that say what to give up speed for.
inline void add_preferences(CLI::App& command, sinter::preferences& to) {
  command.add_flag("--precise", to.precise, "no rounding errors larger than those of sums in order: no F(4,3)");
  add_named(command, "--precision", to.precision, sinter::precision_names,
            "what may be rounded to: exact; fp16 or bf16, on CPUs the weights of products (and their other factor "
            "where pairs of bf16 are multiplied), on devices what they store; tf32, on devices factors; fastest, "
            "what costs least");
  command.add_flag("--small-weights", to.small_weights, "packed weights of at most twice the model's: no F(4,3)");
}

}  // namespace codegen
