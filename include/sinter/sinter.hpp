#pragma once

#include <sinter/core/dimension.hpp>
#include <sinter/core/error.hpp>
#include <sinter/core/limits.hpp>
#include <sinter/core/preferences.hpp>
#include <sinter/core/target.hpp>
#include <sinter/core/tensor.hpp>
#include <sinter/ops/custom_operator.hpp>
#include <sinter/runtime/executor.hpp>
#include <sinter/runtime/typed_tensor.hpp>

#include <fmt/core.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Loads ONNX models, compiles them to machine code in process, and runs them. This header only declares; the rest is
/// compiled once per program: by the CMake targets sinter::sinter and sinter::compiled, or, in a program of one file,
/// by `#define SINTER_IMPLEMENTATION` before the include.
namespace sinter {

class accelerator;
/// A device with memory of its own that models run on. A handle; models keep it.
using device = std::shared_ptr<accelerator>;

/// An NVIDIA GPU by its number; while somebody has it, each number is one device. Kernels are compiled by NVRTC, which
/// is looked for when the first model is loaded, and kept in the user's cache folder. Errors: `system`: no driver, one
/// that is too old, no such device.
device cuda(int index = 0);

/// The device with a name, as tools take it: `cpu` (null: models run there anyway), `cuda` or `cuda:1`. Errors:
/// `invalid_argument` for other names; those of `cuda`.
device device_named(std::string_view name);

/// A device that `options::device` may name.
struct device_info {
  std::string name{};       ///< "cuda:0 (NVIDIA H100)"
  sinter::target target{};  ///< what its code may use
  std::size_t bytes = 0;    ///< of memory
};

/// The devices of this machine besides the CPU; none without a driver that works.
std::vector<device_info> devices();

/// An input that a context keeps from one run to the next, and the output that gives its next value: the hidden state
/// of an LSTM, what a causal convolution has seen last. Names; types and shapes must be equal, unless the input has a
/// dimension of `options::bounds`: then the output is the input and, along that axis, what the run adds, as the cache
/// of keys and values of a transformer.
struct state_pair {
  std::string input{};
  std::string output{};
};

/// A dimension of inputs, by the symbol that the model gives it, and the most that it can be.
struct dimension_bound {
  std::string symbol{};
  std::int64_t most = 0;
};

/// How a model is loaded.
struct options {
  sinter::device device{};                   ///< where the model runs; none: on this CPU
  sinter::target target{"native"};           ///< the most that code may use, `avx2` for example; this CPU may have less
  int threads = 0;                           ///< 0: all that affinity and CPU quota allow
  sinter::executor* executor = nullptr;      ///< runs tasks in place of the library's threads; must outlive the model
  sinter::limits limits{};                   ///< bounds on what the model may cost
  preferences prefer{};                      ///< what to give up speed for
  std::size_t cached_signatures = 32;        ///< compiled input shapes that are kept, least recently used ones go first
  std::vector<custom_operator> operators{};  ///< of the program's own, which models may have nodes of
  std::vector<state_pair> state{};           ///< what contexts keep; `model::run` takes and gives it like the rest
  std::vector<dimension_bound> bounds{};     ///< of state that grows: contexts compile for these, not for each length
  bool compile_at_load = true;  ///< where all input shapes are static: mistakes show at once, run 1 is fast
};

/// The shape of an input or output as the model declares it; prints as `Nx3x224x224`.
struct port_shape {
  declared_dimensions dimensions{};  ///< none: even the rank is open
  /// The shape, if nothing in it is open.
  std::optional<shape> known() const { return static_shape(dimensions); }
};

/// An input or output of a model.
struct port_info {
  std::string name{};
  dtype type = dtype::undefined;
  port_shape shape{};
  bool optional = false;  ///< an input that has a default
};

/// A name and the tensor for it; made from `{"name", tensor}`. Views: the tensor must outlive the call.
struct named_tensor {
  std::string_view name;
  tensor_view value;
};

/// A name and the shape for it.
struct named_shape {
  std::string_view name;
  sinter::shape shape;
};

/// What a model costs. Arena, bound and scratch are those of the input shapes that were asked for last.
struct memory_report {
  std::size_t arena_bytes = 0;    ///< activations of one context: the exact peak
  std::size_t arena_bound = 0;    ///< most live bytes of any step; no plan can be smaller
  std::size_t scratch_bytes = 0;  ///< work space of one context, all threads
  std::size_t weight_bytes = 0;   ///< packed weights, shared by everything
  std::size_t code_bytes = 0;     ///< machine code of the input shapes in the cache
  std::size_t signatures = 0;     ///< input shapes in the cache
};

class model_state;
class lease;
class kept_state;
class growing_state;

/// The outputs of one run, valid as long as this handle lives; then the memory goes back to the model. Moves only.
class outputs {
 public:
  outputs(outputs&&) noexcept;
  outputs& operator=(outputs&&) noexcept;
  ~outputs();

  std::size_t size() const;
  /// By position, in the order of `model::outputs()`.
  tensor_view operator[](std::size_t index) const&;
  /// By name; a wrong one is `error_code::invalid_argument` and lists the names.
  tensor_view operator[](std::string_view name) const&;
  tensor_view operator[](std::size_t) const&& = delete;       // the view would outlive its memory
  tensor_view operator[](std::string_view) const&& = delete;  // keep the handle: auto out = net.run(…);

  class iterator;
  iterator begin() const;
  iterator end() const;

 private:
  friend class model;
  outputs(std::shared_ptr<model_state> state, lease* l) : state_(std::move(state)), lease_(l) {}
  named_tensor at(std::size_t index) const;

  std::shared_ptr<model_state> state_;
  lease* lease_;
};

/// Visits outputs as `named_tensor`.
class outputs::iterator {
 public:
  using value_type = named_tensor;
  using difference_type = std::ptrdiff_t;
  iterator() = default;
  named_tensor operator*() const { return of_->at(index_); }
  iterator& operator++() { return ++index_, *this; }
  iterator operator++(int) { return {of_, index_++}; }
  bool operator==(iterator const&) const = default;

 private:
  friend class outputs;
  iterator(outputs const* of, std::size_t index) : of_(of), index_(index) {}
  outputs const* of_ = nullptr;
  std::size_t index_ = 0;
};

/// Memory for runs of one model on inputs of fixed shapes, for real-time code: set inputs, and outputs where wanted,
/// once; then `run` as often as needed. From the second run on nothing is allocated and no lock is taken, islands
/// excepted; also where state grows. Used by one thread at a time. Moves only.
class context {
 public:
  context(context&&) noexcept;
  context& operator=(context&&) noexcept;
  ~context();

  /// The tensor that runs read; its shape and type must be those of the context. Only a view is kept. Of a model on a
  /// device it may lie there, where it is read in place if its address is a multiple of 16. State is not set so.
  void set_input(std::size_t index, tensor_view value);
  void set_input(std::string_view name, tensor_view value);
  /// Memory that runs write the output to; without it the output lies in the context. It must not overlap an input. Of
  /// a model on a device it may lie there, where it is written in place if its address is a multiple of 16, unless the
  /// output is a part of another tensor or the same as another one.
  void set_output(std::size_t index, mutable_tensor_view memory);
  void set_output(std::string_view name, mutable_tensor_view memory);

  void run();
  /// Runs on a stream of the caller's, of a model on a device: a CUstream or cudaStream_t of the device's primary
  /// context (null: the default stream), which must not be capturing. All work comes behind what the stream has been
  /// given; the next run of this context, on any stream, comes behind this one. Returns before the work is done where
  /// all outputs were given memory on the device and no operator runs on the host; then inputs and outputs must stay
  /// until it is done. Else it waits for the stream. The stream is not used any more when this returns.
  void run_on(void* stream);

  /// An output of the last run; valid until the next one. State that grows is read with `save_state`.
  tensor_view output(std::size_t index) const;
  tensor_view output(std::string_view name) const;

  /// Gives the state of `options::state` its first values again: the defaults of its inputs, else zeros; state that
  /// grows has no rows. A context starts with them. A run that fails changes no state; one for which state that grows
  /// has no place is `invalid_argument`.
  void reset_state();
  /// Copies of the state, in the order of `options::state`.
  std::vector<any_tensor> save_state() const;
  /// Sets all of the state, in that order; state that grows with as many rows as there are, as a context for other
  /// inputs has saved them, for a prompt of many tokens say. Errors: `invalid_argument` for another number, type or
  /// shape; then nothing changes.
  void restore_state(std::span<any_tensor const> saved);

 private:
  friend class model;
  context(std::shared_ptr<model_state> state, lease* l);
  void check_inputs() const;
  void start();
  void finish();

  std::shared_ptr<model_state> state_;
  lease* lease_;
  std::unique_ptr<kept_state> kept_;        ///< null: the model has no state of fixed shape
  std::unique_ptr<growing_state> growing_;  ///< null: it has none that grows
};

/// A loaded model. A handle: copies are the same model, and threads may share it.
class model {
 public:
  /// The inputs that a run must give. Their positions come before those of the inputs that have a default.
  std::span<port_info const> inputs() const;
  /// The inputs that have a default in the model (older exporters list every initializer here).
  std::span<port_info const> optional_inputs() const;
  std::span<port_info const> outputs() const;

  /// Runs the model. Inputs are given by name, in any order. The first run on new input shapes compiles for them.
  /// Errors: `invalid_argument` for a wrong or missing name, shape or type; those of compilation; those of operators.
  sinter::outputs run(std::span<named_tensor const> inputs) const;
  sinter::outputs run(std::initializer_list<named_tensor> inputs) const {
    return run(std::span(inputs.begin(), inputs.size()));
  }

  /// A context for the given input shapes; inputs of static shape may be left out, and state that grows if nothing but
  /// its length is open.
  sinter::context context(std::span<named_shape const> shapes) const;
  sinter::context context(std::initializer_list<named_shape> shapes = {}) const {
    return context(std::span(shapes.begin(), shapes.size()));
  }

  /// What about the model may not be as the library takes it, in words; usually nothing.
  std::span<std::string const> warnings() const;
  memory_report memory() const;
  /// What the code is made for; `none`: every node runs as plain loops, which is slow.
  target compiled_for() const;
  int threads() const;

 private:
  friend class model_state;
  explicit model(std::shared_ptr<model_state> state) : state_(std::move(state)) {}
  std::shared_ptr<model_state> state_;
};

/// A model, or why there is none.
class load_result {
 public:
  load_result(model loaded) : model_(std::move(loaded)) {}
  load_result(sinter::error why) : error_(std::move(why)) {}

  explicit operator bool() const { return model_.has_value(); }
  /// The model; throws the error if there is none.
  model const& value() const {
    if (error_) throw *error_;
    return *model_;
  }
  /// The error; there must be one.
  sinter::error const& error() const {
    SINTER_ASSERT(error_);
    return *error_;
  }

 private:
  std::optional<model> model_;
  std::optional<sinter::error> error_;
};

/// Loads an ONNX file. Errors: `io`, `malformed_model`, `unsupported_operator` (all of them at once),
/// `unsupported_feature`, `limit_exceeded`.
model load(std::string const& file, options const& how = {});

/// Loads an ONNX model from memory; the bytes may go away afterwards. External data is an error.
model load_bytes(std::span<std::byte const> bytes, options const& how = {});

/// `load` without exceptions for what is wrong with the file or the model.
load_result try_load(std::string const& file, options const& how = {});

}  // namespace sinter

// How shapes and types print; defined in formatters.hpp.
template <>
struct fmt::formatter<sinter::port_shape> : fmt::formatter<fmt::string_view> {
  fmt::format_context::iterator format(sinter::port_shape const& s, fmt::format_context& context) const;
};

template <>
struct fmt::formatter<sinter::dtype> : fmt::formatter<fmt::string_view> {
  fmt::format_context::iterator format(sinter::dtype type, fmt::format_context& context) const;
};

#ifdef SINTER_IMPLEMENTATION
#include <sinter/implementation.hpp>
#endif
