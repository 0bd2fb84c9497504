#include <sinter/core/error.hpp>

#include "report.hpp"
#include "report_template.hpp"

namespace codegen {

std::string report_page(std::string_view data) {
  constexpr std::string_view place = "{{data}}";
  auto const at = report_template.find(place);
  SINTER_ASSERT(at != std::string_view::npos);
  std::string page(report_template.substr(0, at));
  page.reserve(report_template.size() + data.size());
  // Nothing in the data may end the element that it stands in: "<" is part of strings only.
  for (char const c : data) c == '<' ? page += "\\u003c" : page += c;
  return page += report_template.substr(at + place.size());
}

}  // namespace codegen
