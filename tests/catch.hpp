#pragma once

#include <fmt/format.h>

#include <string>

/// Catch2 of either major version.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
/// Matches a text that contains `part`.
inline auto says(std::string const& part) { return Catch::Matchers::ContainsSubstring(part); }
#else
#include <catch2/catch.hpp>
inline auto says(std::string const& part) { return Catch::Matchers::Contains(part); }
#endif
