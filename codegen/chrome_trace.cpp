#include <sinter/core/error.hpp>

#include "profile.hpp"
#ifdef SINTER_JSON
#include <nlohmann/json.hpp>
#endif

namespace codegen {

#ifdef SINTER_JSON

std::string chrome_trace(profile const& p) {
  auto events = nlohmann::ordered_json::array();
  for (auto const& s : p.steps)
    events.push_back({{"name", s.nodes.empty() ? s.schedule : s.nodes},
                      {"cat", name(s.kind)},
                      {"ph", "X"},
                      {"ts", 1e6 * s.last_begin},
                      {"dur", 1e6 * s.last_seconds},
                      {"pid", 1},
                      {"tid", 1},
                      {"args", {{"schedule", s.schedule}, {"operations", s.operations.total()}, {"bytes", s.bytes}}}});
  // Names come from the model; what is no UTF-8 in them is replaced.
  return nlohmann::ordered_json{{"traceEvents", events}, {"displayTimeUnit", "ns"}}.dump(
      1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

#else

std::string chrome_trace(profile const&) {
  sinter::fail(sinter::error_code::unsupported_feature,
               "this tool was built without nlohmann_json, which writes traces");
}

#endif

}  // namespace codegen
