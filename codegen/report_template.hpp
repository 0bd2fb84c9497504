#pragma once

#include <string_view>

namespace codegen {

/// report/page.html with its style and scripts; the data belongs where `{{data}}` stands. Made by report/embed.cmake.
extern std::string_view const report_template;

}  // namespace codegen
