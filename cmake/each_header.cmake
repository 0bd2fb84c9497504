# Every header compiles by itself, without warnings: the target sinter_each_header. A header is the only one that its unit
# includes, behind a precompiled header of what it includes anyway: the first of these.
set(common_headers
    schedules/requantize.hpp schedules/epilogue.hpp schedules/schedule.hpp program/program.hpp ops/entry.hpp
    ops/operator.hpp emit/x86/machine.hpp graph/graph.hpp core/tensor.hpp kernels/broadcast.hpp expr/expression.hpp
    core/error.hpp)

set(include_root ${PROJECT_SOURCE_DIR}/include/sinter)
include(${CMAKE_CURRENT_LIST_DIR}/header_graph.cmake)

file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${include_root} ${include_root}/*.hpp)
foreach(header IN LISTS headers)
  reachable_from(${header} reachable)
  list(REMOVE_ITEM reachable ${header})
  set(first none)
  foreach(common IN LISTS common_headers)
    if(common IN_LIST reachable)
      set(first ${common})
      break()
    endif()
  endforeach()
  set(unit ${PROJECT_BINARY_DIR}/each_header/${header}.cpp)
  file(CONFIGURE OUTPUT ${unit} CONTENT "#include <sinter/${header}>\n")
  list(APPEND units_${first} ${unit})
endforeach()

add_custom_target(sinter_each_header ALL)
foreach(common IN LISTS common_headers ITEMS none)
  string(MAKE_C_IDENTIFIER sinter_each_header_${common} group)
  add_library(${group} OBJECT EXCLUDE_FROM_ALL ${units_${common}})
  target_link_libraries(${group} PRIVATE sinter_headers)
  sinter_own_code(${group})
  set_target_properties(${group} PROPERTIES CXX_COMPILER_LAUNCHER "")  # a check has no output to keep
  set_source_files_properties(${units_${common}} PROPERTIES COMPILE_OPTIONS -fsyntax-only)
  if(NOT common STREQUAL none)
    target_precompile_headers(${group} PRIVATE <sinter/${common}>)
  endif()
  add_dependencies(sinter_each_header ${group})
endforeach()
