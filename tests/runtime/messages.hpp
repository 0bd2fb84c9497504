#pragma once

#include <sinter/core/error.hpp>

#include "catch.hpp"
#include <string>

namespace sinter::test {

/// The message of the `invalid_argument` that `body` throws.
template <typename Body>
std::string message_of(Body&& body) {
  try {
    body();
  } catch (error const& why) {
    CHECK(why.code() == error_code::invalid_argument);
    return why.message();
  }
  return "no error";
}

}  // namespace sinter::test
