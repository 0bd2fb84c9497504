# Tests of the source itself, label "style", and of headers and misuse that only a compiler can judge. Those that build
# run CMake in this build folder, so one at a time.
find_program(SINTER_CLANG_FORMAT NAMES clang-format-14 clang-format)
mark_as_advanced(SINTER_CLANG_FORMAT)

add_test(NAME "style: dependency direction, all.hpp, file length"
         COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -P ${PROJECT_SOURCE_DIR}/cmake/check_tree.cmake)
add_test(NAME "style: clang-format"
         COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -DCLANG_FORMAT=${SINTER_CLANG_FORMAT}
                 -P ${PROJECT_SOURCE_DIR}/cmake/check_format.cmake)
set_tests_properties("style: dependency direction, all.hpp, file length" "style: clang-format"
                     PROPERTIES LABELS style SKIP_REGULAR_EXPRESSION "SKIPPED:")

# A test that builds `target` in this build folder and passes if that works.
function(sinter_add_build_test name target)
  add_test(NAME "${name}" COMMAND ${CMAKE_COMMAND} --build ${PROJECT_BINARY_DIR} --target ${target})
  set_tests_properties("${name}" PROPERTIES RESOURCE_LOCK build)
endfunction()

# Tests of misuse that must not compile, one for each .cpp file in `folder`. Each file compiles as it stands and fails with
# MISUSE defined; its first line, "// error: REGEX", is what the compiler must say then. Further arguments are linked.
function(sinter_add_misuse_tests folder)
  file(GLOB files CONFIGURE_DEPENDS ${folder}/*.cpp)
  foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME_WE)
    file(STRINGS ${file} expected REGEX "^// error: " LIMIT_COUNT 1)
    string(REPLACE "// error: " "" expected "${expected}")
    add_library(compile_${name} OBJECT EXCLUDE_FROM_ALL ${file})
    add_library(compile_fail_${name} OBJECT EXCLUDE_FROM_ALL ${file})
    target_compile_definitions(compile_fail_${name} PRIVATE MISUSE)
    foreach(target compile_${name} compile_fail_${name})
      target_link_libraries(${target} PRIVATE ${ARGN})
      sinter_own_code(${target})
    endforeach()
    sinter_add_build_test("compile_fail: ${name}, right use" compile_${name})
    sinter_add_build_test("compile_fail: ${name}, misuse" compile_fail_${name})
    set_tests_properties("compile_fail: ${name}, misuse" PROPERTIES PASS_REGULAR_EXPRESSION "${expected}")
  endforeach()
endfunction()
