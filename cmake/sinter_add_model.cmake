# sinter_add_model(<target> <model.onnx> [NAME <class>] [SHAPES <input>=1x3x224x224...] [BATCH 1 4 16|1..16]
#                  [ISA avx2 avx512|portable|native] [WEIGHTS embed|file] [THREADS <n>])
#
# Makes a static library of a model: #include <NAME.hpp> declares the class NAME. NAME is the target's name where that is
# an identifier.
# SHAPES  for inputs whose shapes the model leaves open.
# BATCH   the first extent of inputs that leave it open, or for which SHAPES says N (image=Nx3x224x224).
#         1 4 16: these sizes, net.run<4>({.image = four}); 1..16: any of them, net.run(n, {.image = n_images}).
#         All sizes share weights, memory, and the code that does not depend on the size.
# ISA     the instruction sets in the library, the best that the processor has is chosen at start; native: that of this
#         machine. Default: avx2 avx512 for x86-64, else portable.
# WEIGHTS embed (default): in the program; from 8 MiB on the first object copies them to huge pages.
#         file: mapped at run time, shared by processes; the target property SINTER_WEIGHTS_FILE is its path.
# THREADS the most threads that a run uses, 1 by default; an object can be given an executor with fewer workers.
# When cross-compiling, find_package(sinter COMPONENTS model) finds the host's package without what the library itself
# depends on; the variable SINTER_TOOL names another program `sinter` that runs on the host.
function(sinter_add_model target model)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "NAME;WEIGHTS;THREADS" "SHAPES;BATCH;ISA")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "sinter_add_model(${target}): unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_NAME)
    string(MAKE_C_IDENTIFIER ${target} arg_NAME)
  endif()
  if(NOT arg_WEIGHTS)
    set(arg_WEIGHTS embed)
  endif()
  if(NOT arg_THREADS)
    set(arg_THREADS 1)
  endif()
  get_filename_component(model ${model} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
  sinter_instruction_sets("${arg_ISA}" sets)
  find_path(SINTER_XSIMD_INCLUDE_DIR xsimd/xsimd.hpp)
  mark_as_advanced(SINTER_XSIMD_INCLUDE_DIR)
  if(NOT SINTER_XSIMD_INCLUDE_DIR AND NOT sets STREQUAL portable)
    message(FATAL_ERROR "sinter_add_model(${target}): xsimd/xsimd.hpp is missing; on Debian install libxsimd-dev, or ask "
                        "for ISA portable")
  endif()

  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${target}.sinter)
  set(base ${folder}/${arg_NAME})
  set(sources ${base}.cpp ${base}_host.cpp)
  if(arg_WEIGHTS STREQUAL embed)
    list(APPEND sources ${base}_weights.cpp)
  endif()
  foreach(set IN LISTS sets)
    list(APPEND sources ${base}_${set}.cpp)
  endforeach()
  set(options --name ${arg_NAME} --weights ${arg_WEIGHTS} --threads ${arg_THREADS})
  foreach(shape IN LISTS arg_SHAPES)
    list(APPEND options --shape ${shape})
  endforeach()
  if(arg_BATCH)
    list(JOIN arg_BATCH "," batch)
    list(APPEND options --batch ${batch})
  endif()
  list(JOIN sets "," set_list)
  set(tool sinter::tool)
  if(SINTER_TOOL)
    set(tool ${SINTER_TOOL})
  elseif(NOT TARGET sinter::tool)
    message(FATAL_ERROR "sinter_add_model(${target}): sinter was built without its tool, because CLI11 was missing")
  endif()
  file(GLOB sources_of ${model}.data ${model}_data)
  list(APPEND sources_of ${model})
  if(TARGET ${tool})
    list(APPEND sources_of ${tool})
  endif()
  add_custom_command(OUTPUT ${sources} ${base}.hpp ${base}_run.hpp ${base}.weights
                     COMMAND ${tool} compile ${model} -o ${folder} --isa ${set_list} ${options}
                     DEPENDS ${sources_of} COMMENT "Compiling ${model} to C++" VERBATIM)

  add_library(${target} STATIC ${sources} ${base}.hpp ${base}_run.hpp ${base}.weights)
  target_include_directories(${target} PUBLIC ${folder})
  target_compile_features(${target} PUBLIC cxx_std_20)
  if(arg_THREADS GREATER 1)
    target_link_libraries(${target} PUBLIC sinter::simd)
    target_compile_options(${target} PRIVATE -pthread)
    target_link_options(${target} INTERFACE -pthread)
  else()
    target_link_libraries(${target} PRIVATE sinter::simd)
  endif()
  if(SINTER_XSIMD_INCLUDE_DIR)
    target_include_directories(${target} SYSTEM PRIVATE ${SINTER_XSIMD_INCLUDE_DIR})
  endif()
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON SINTER_WEIGHTS_FILE ${base}.weights)
  sinter_set_model_flags(${base} "${sets}" ${arg_WEIGHTS})
endfunction()

# The instruction sets that are asked for, with the default and `native` resolved.
function(sinter_instruction_sets wanted result)
  if(NOT wanted AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    set(wanted avx2 avx512)
  elseif(NOT wanted)
    set(wanted portable)
  endif()
  if("native" IN_LIST wanted)
    list(REMOVE_ITEM wanted native)
    set(flags "")
    if(EXISTS /proc/cpuinfo)
      file(STRINGS /proc/cpuinfo flags REGEX "^flags" LIMIT_COUNT 1)
    endif()
    if(flags MATCHES " avx512f " AND flags MATCHES " avx512bw " AND flags MATCHES " avx512dq "
       AND flags MATCHES " avx512vl ")
      list(APPEND wanted avx512)
    elseif(flags MATCHES " avx2 " AND flags MATCHES " fma ")
      list(APPEND wanted avx2)
    else()
      list(APPEND wanted portable)
    endif()
  endif()
  list(REMOVE_DUPLICATES wanted)
  foreach(set IN LISTS wanted)
    if(NOT set MATCHES "^(avx2|avx512|portable)$")
      message(FATAL_ERROR "sinter_add_model: ISA ${set} is unknown; expected avx2, avx512, portable or native")
    endif()
  endforeach()
  set(${result} ${wanted} PARENT_SCOPE)
endfunction()

# Generated code is optimised in every build type, computes what it says (no contraction), and is not part of link-time
# optimisation, which would mix instruction sets.
function(sinter_set_model_flags base sets weights)
  set(flags_portable "")
  set(flags_host "")
  set(flags_avx2 -mavx2 -mfma -mf16c)
  set(flags_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c)
  foreach(set IN LISTS sets ITEMS host)
    set_property(SOURCE ${base}_${set}.cpp PROPERTY COMPILE_OPTIONS -O2 -ffp-contract=off -fno-fast-math -fno-lto
                                                                    ${flags_${set}})
  endforeach()
  if(weights STREQUAL embed)
    get_filename_component(folder ${base} DIRECTORY)
    set_property(SOURCE ${base}_weights.cpp PROPERTY COMPILE_OPTIONS -fno-lto -Wa,-I${folder})
    set_property(SOURCE ${base}_weights.cpp PROPERTY OBJECT_DEPENDS ${base}.weights)
  endif()
endfunction()
