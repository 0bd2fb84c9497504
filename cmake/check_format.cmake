# cmake -DROOT=<source> -DCLANG_FORMAT=<program> -P cmake/check_format.cmake
# Says which C++ files clang-format would change. Versions format differently; the one of .clang-format is 14.
cmake_minimum_required(VERSION 3.22)

execute_process(COMMAND ${CLANG_FORMAT} --version OUTPUT_VARIABLE version RESULT_VARIABLE status)
if(NOT status EQUAL 0 OR NOT version MATCHES "version 14\\.")
  message("SKIPPED: needs clang-format 14")
  return()
endif()
foreach(folder include codegen examples tests benchmarks cmake)
  file(GLOB_RECURSE files ${ROOT}/${folder}/*.hpp ${ROOT}/${folder}/*.cpp)
  list(APPEND all ${files})
endforeach()
execute_process(COMMAND ${CLANG_FORMAT} --dry-run --Werror ${all} RESULT_VARIABLE status ERROR_VARIABLE text)
if(NOT status EQUAL 0)
  string(REGEX MATCHALL "[^\n]*: error: [^\n]*" places "${text}")
  list(JOIN places "\n" places)
  message(FATAL_ERROR "clang-format -i would change:\n${places}")
endif()
