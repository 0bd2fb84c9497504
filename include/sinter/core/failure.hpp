#pragma once

#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace sinter {

/// What kind of mistake an `error` reports; stable, for programs. The message is for people.
enum class error_code {
  io,                    ///< a file is missing or cannot be read
  malformed_model,       ///< the bytes are no ONNX model, or contradict themselves
  unsupported_operator,  ///< the model needs operators that the library lacks
  unsupported_feature,   ///< an attribute value, data type or model feature that the library lacks
  invalid_argument,      ///< the caller passed a wrong name, shape, type or option
  limit_exceeded,        ///< a bound of `limits` would be passed
  system                 ///< the operating system refused memory, threads or executable pages
};

/// The one exception type of the library. `what()` reads: message, then the chain of context, innermost first
/// ("in node 'conv1' (Conv)", "in file 'a.onnx'"). A message says what was expected, what came, and what to do.
class error : public std::exception {
 public:
  error(error_code code, std::string message) : code_(code), message_(std::move(message)) { compose(); }

  error_code code() const noexcept { return code_; }
  std::string const& message() const noexcept { return message_; }
  std::vector<std::string> const& context() const noexcept { return context_; }
  char const* what() const noexcept override { return text_.c_str(); }

  /// Adds one outer link to the chain of context.
  error& within(std::string where) {
    context_.push_back(std::move(where));
    compose();
    return *this;
  }

 private:
  void compose() {
    text_ = message_;
    for (auto const& where : context_) text_ += "\n  in " + where;
  }

  error_code code_;
  std::string message_;
  std::vector<std::string> context_;
  std::string text_;
};

/// Runs `body`; an `error` that leaves it gets `where()` as one more link of context.
template <typename Body, typename Where>
decltype(auto) with_context(Where&& where, Body&& body) {
  try {
    return body();
  } catch (error& e) {
    e.within(where());
    throw;
  }
}

[[noreturn]] inline void assertion_failed(char const* condition, char const* file, int line) {
  std::fprintf(stderr, "%s:%d: sinter: broken invariant: %s\n", file, line, condition);
  std::terminate();
}

}  // namespace sinter

/// Checks an invariant of the library itself, in every build type. Mistakes of users are `sinter::error`.
#define SINTER_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::sinter::assertion_failed(#condition, __FILE__, __LINE__))
