# Every library that Sidestep stands on, by the name of its Debian package.
find_package(Threads REQUIRED)
find_package(TBB REQUIRED)                      # libtbb-dev
find_package(fmt REQUIRED)                      # libfmt-dev
find_package(nlohmann_json REQUIRED)            # nlohmann-json3-dev
find_path(CONCURRENTQUEUE_INCLUDE concurrentqueue/concurrentqueue.h REQUIRED)  # libconcurrentqueue-dev
if(SIDESTEP_TRAINER)
  find_package(dnnl REQUIRED)                   # libdnnl-dev
  find_package(ZLIB REQUIRED)                   # zlib1g-dev
  find_package(CLI11 REQUIRED)                  # libcli11-dev
  find_package(tomlplusplus REQUIRED)           # libtomlplusplus-dev
endif()
if(SIDESTEP_TESTS)
  find_package(GTest REQUIRED)                  # libgtest-dev
  find_package(rapidcheck REQUIRED)             # librapidcheck-dev
endif()
if(SIDESTEP_BENCH)
  find_package(benchmark REQUIRED)              # libbenchmark-dev
endif()
