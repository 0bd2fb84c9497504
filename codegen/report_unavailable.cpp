#include <sinter/core/error.hpp>

#include "report.hpp"

namespace codegen {

std::string report_data(report_subject const&) {
  sinter::fail(sinter::error_code::unsupported_feature,
               "this tool was built without nlohmann_json, which writes the data of reports");
}

}  // namespace codegen
