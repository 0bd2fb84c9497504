# What applies to this project's own code only, not to those who use the library.
if(SINTER_DEVELOPER AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(SINTER_CCACHE ccache)
  mark_as_advanced(SINTER_CCACHE)
  if(SINTER_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${SINTER_CCACHE})
  endif()
endif()

option(SINTER_UNITY "Compile the files of the tool, and the test files of a folder, as one unit" ON)

# Compiled as one unit the files of a target take a third of the time; names in them must differ.
function(sinter_one_unit target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${SINTER_UNITY} UNITY_BUILD_BATCH_SIZE 0)
endfunction()

# Warnings, as errors for developers. SINTER_SANITIZE is a list for -fsanitize, for example "address,undefined".
set(SINTER_SANITIZE "" CACHE STRING "Sanitizers for this project's own code")
function(sinter_own_code target)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE -Wall -Wextra $<$<BOOL:${SINTER_DEVELOPER}>:-Werror>)
  # g++ 12 takes "text" + std::string for overlapping memory (GCC bug 105651).
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  if(SINTER_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=${SINTER_SANITIZE} -fno-sanitize-recover=all
                                            -fno-omit-frame-pointer)
    # GCC's documentation: with sanitizers this warning has false positives.
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
      target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
    endif()
    target_link_options(${target} PUBLIC -fsanitize=${SINTER_SANITIZE})
  endif()
endfunction()

# The command, a list with generator expressions, that compiles what includes sinter's headers at -O2.
function(sinter_compile_command result)
  set(definitions "$<TARGET_PROPERTY:sinter_compiled,COMPILE_DEFINITIONS>")
  set(folders "$<TARGET_PROPERTY:sinter_compiled,INCLUDE_DIRECTORIES>")
  set(${result} ${CMAKE_CXX_COMPILER} -std=c++20 -O2 "$<TARGET_PROPERTY:sinter,INTERFACE_COMPILE_OPTIONS>"
                "-D$<JOIN:${definitions},$<SEMICOLON>-D>" "-I$<JOIN:${folders},$<SEMICOLON>-I>" PARENT_SCOPE)
endfunction()
