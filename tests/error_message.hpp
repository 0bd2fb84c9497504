#pragma once

#include <sinter/core/failure.hpp>

#include "catch.hpp"
#include <concepts>
#include <optional>
#include <string>

namespace sinter::test {

/// What the error says that `body` throws, which has the code `expected` if there is one; empty: it throws none.
template <std::invocable Body>
std::string message_of(Body&& body, std::optional<error_code> expected = error_code::invalid_argument) {
  try {
    body();
  } catch (error const& why) {
    if (expected) CHECK(why.code() == *expected);
    return why.what();
  }
  return {};
}

}  // namespace sinter::test
